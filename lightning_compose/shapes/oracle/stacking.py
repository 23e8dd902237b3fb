"""Which object lies on top of which: where two overlap, the pixels show the upper one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from lightning_compose.shapes.oracle.candidate import Candidate
from lightning_compose.shapes.oracle.paints import Paints


def stacked(paints: Paints, found: Sequence[Candidate]) -> list[Candidate]:
    """Order objects from the lowest to the one on top."""
    covers = [each.covered(paints.label.shape) for each in found]
    below = [0] * len(found)
    for first, second in combinations(range(len(found)), 2):
        both = covers[first] & covers[second]
        if both.any():
            misses = [float(paints.distance[found[each].target.color][both].mean()) for each in (first, second)]
            below[first if misses[0] <= misses[1] else second] += 1
    return [found[index] for index in sorted(range(len(found)), key=below.__getitem__)]
