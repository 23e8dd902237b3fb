"""Which object lies on top of which: where two overlap, the pixels show the upper one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from lightning_compose.shapes.oracle.candidate import Candidate
from lightning_compose.shapes.oracle.paints import Paints

COVERED = 0.9


def stacked(paints: Paints, found: Sequence[Candidate]) -> list[Candidate]:
    """Order objects from the lowest to the one on top."""
    covers = [_covered(paints, each) for each in found]
    below = [0] * len(found)
    for first, second in combinations(range(len(found)), 2):
        both = covers[first] & covers[second]
        if both.any():
            misses = [float(paints.distance[found[each].target.color][both].mean()) for each in (first, second)]
            below[first if misses[0] <= misses[1] else second] += 1
    return [found[index] for index in sorted(range(len(found)), key=below.__getitem__)]


def _covered(paints: Paints, each: Candidate) -> np.ndarray:
    covered = np.zeros(paints.label.shape, dtype=np.bool_)
    covered[each.target.window] = each.cover() > COVERED
    return covered
