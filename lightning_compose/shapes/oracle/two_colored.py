"""Objects that are in part of another colour, as where a model binds a colour to two: neither is what was asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lightning_compose.shapes.oracle.candidate import EDGE_PX, Candidate
from lightning_compose.shapes.oracle.paints import LOOKS_LIKE, Paints

MOST_OTHER = 0.1  # share of an object: a blurred neighbour may reach into it


def single_colored(paints: Paints, stack: Sequence[Candidate]) -> list[Candidate]:
    """Leave out objects that show another colour where nothing lies on top of them.

    Args:
        paints: Of the image.
        stack: Objects from the lowest to the one on top.
    """
    kept: list[Candidate] = []
    hidden = np.zeros(paints.label.shape, dtype=np.bool_)
    for each in reversed(stack):
        if _other_share(paints, each, hidden) <= MOST_OTHER:
            kept.insert(0, each)
            hidden |= each.covered(paints.label.shape, 0.0, EDGE_PX)
    return kept


def _other_share(paints: Paints, each: Candidate, hidden: np.ndarray) -> float:
    inside = each.covered(paints.label.shape)
    color = each.target.color
    # Red with its accent may look pink, but is no farther from red's mixtures.
    other = (paints.label != -1) & (paints.label != color) & (paints.distance[color] > LOOKS_LIKE / 2)
    return float((inside & other & ~hidden).sum() / max(inside.sum(), 1))
