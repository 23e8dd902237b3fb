"""The other pairs of a batch as further negatives, over all ranks."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.nn.functional import all_gather


def other_pairs(positive: Tensor, negative: Tensor, text: Tensor, has_negative: Tensor) -> tuple[Tensor, Tensor]:
    """Return every pair's images as candidates, and which are negatives of which row of this rank.

    A positive of the row's own caption is none; nor is a negative that is missing, nor the row's own pair.

    Args:
        positive: Projected positives of this rank, ``[b, p]``; b is the same on every rank.
        negative: Projected negatives, ``[b, p]``.
        text: Encoded captions, ``[b, p]``.
        has_negative: bool ``[b]``.

    Returns:
        The candidates ``[2m, p]`` with m = b x ranks, with gradient into every rank's rows, and bool ``[b, 2m]``.
    """
    positives, negatives, texts = _gather(positive), _gather(negative), _gather(text)
    exist = _gather(has_negative.to(text.dtype)).bool()
    rows = _rank() * len(text) + torch.arange(len(text), device=text.device)
    another = rows[:, None] != torch.arange(len(texts), device=text.device)
    other_caption = (text[:, None] != texts).any(dim=2)
    return torch.cat([positives, negatives]), torch.cat([another & other_caption, another & exist], dim=1)


def _gather(rows: Tensor) -> Tensor:
    # Its backward sums over the ranks and DDP then averages: the gradient of the mean of the ranks' losses.
    return torch.cat(all_gather(rows)) if _rank_count() > 1 else rows


def _rank_count() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def _rank() -> int:
    return dist.get_rank() if _rank_count() > 1 else 0
