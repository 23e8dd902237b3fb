"""What the readers of both kinds of attention share."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Slot:
    """Where a processor leaves its maps, ``[b, a, q, r]``."""

    maps: Tensor


class Reader(Protocol):
    """A processor of attention that leaves the probability mass on some columns in its slot.

    Nothing in it may tell one layer from another: torch.compile would compile the same block again for each.
    """

    slot: Slot


def split_heads(projected: Tensor, heads: int) -> Tensor:
    """Return ``[b, length, a * width]`` as ``[b, a, length, width]``."""
    return projected.unflatten(-1, (heads, -1)).transpose(1, 2)
