"""The other pairs of a batch as further negatives, over all ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zlib import crc32

import torch
import torch.distributed as dist
from torch import Tensor


def other_pairs(
    positive: Tensor,
    negative: Tensor,
    captions: Sequence[str],
    negative_captions: Sequence[str | None],
    has_negative: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return every pair's images as candidates, and which are negatives of which row of this rank.

    An image whose caption is the row's own is none, be it another pair's positive or negative; nor is a negative that
    is missing, nor the row's own pair.

    Args:
        positive: Projected positives of this rank, ``[b, p]``; b is the same on every rank.
        negative: Projected negatives, ``[b, p]``.
        captions: Of the positives.
        negative_captions: Of the negatives; None = not known.
        has_negative: bool ``[b]``.

    Returns:
        The candidates ``[2m, p]`` with m = b x ranks, with gradient into every rank's rows, and bool ``[b, 2m]``.
    """
    caption, negative_caption = _codes(captions, positive.device), _codes(negative_captions, positive.device)
    all_captions, all_negative_captions = _gather(caption), _gather(negative_caption)
    rows = _rank() * len(caption) + torch.arange(len(caption), device=positive.device)
    another = rows[:, None] != torch.arange(len(all_captions), device=positive.device)
    other_positive = another & (caption[:, None] != all_captions)
    other_negative = another & (caption[:, None] != all_negative_captions) & _gather(has_negative)
    is_negative = torch.cat([other_positive, other_negative], dim=1)
    return torch.cat([_GatherWithGradient.apply(positive), _GatherWithGradient.apply(negative)]), is_negative


def _codes(captions: Sequence[str | None], device: torch.device) -> Tensor:
    # Captions are equal by their text: encoded on two ranks they may differ by rounding.
    return torch.tensor([-1 if each is None else crc32(each.encode()) for each in captions], device=device)


class _GatherWithGradient(torch.autograd.Function):
    """All ranks' rows; each rank's rows get the sum of all ranks' gradients.

    DDP then averages over the ranks: that is the gradient of the mean of the ranks' losses.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        return _gather(rows)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        if _rank_count() == 1:
            return gradient
        gradient = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(gradient)
        return gradient.chunk(_rank_count())[_rank()]


def _gather(rows: Tensor) -> Tensor:
    if _rank_count() == 1:
        return rows.clone()
    gathered = [torch.empty_like(rows) for _ in range(_rank_count())]
    dist.all_gather(gathered, rows.contiguous())
    return torch.cat(gathered)


def _rank_count() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def _rank() -> int:
    return dist.get_rank() if _rank_count() > 1 else 0
