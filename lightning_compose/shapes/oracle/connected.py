"""Connected parts of a mask."""

from __future__ import annotations

import numpy as np


def connected_parts(mask: np.ndarray, corners: bool = True) -> list[np.ndarray]:
    """Return the connected parts of a mask, the largest first.

    Args:
        mask: bool [h, w].
        corners: Whether pixels touch that share a corner only.

    Returns:
        Each bool [h, w].
    """
    reach = 1 if corners else 0
    runs = _runs(mask)
    parents = list(range(len(runs)))
    by_row: dict[int, list[int]] = {}
    for number, (row, start, stop) in enumerate(runs):
        for other in by_row.get(row - 1, []):
            if runs[other][1] < stop + reach and start < runs[other][2] + reach:
                parents[_root(parents, number)] = _root(parents, other)
        by_row.setdefault(row, []).append(number)
    parts: dict[int, np.ndarray] = {}
    for number, (row, start, stop) in enumerate(runs):
        part = parts.setdefault(_root(parents, number), np.zeros_like(mask))
        part[row, start:stop] = True
    return sorted(parts.values(), key=lambda part: -int(part.sum()))


def _runs(mask: np.ndarray) -> list[tuple[int, int, int]]:
    """Return (row, start, stop) of every run of pixels in a row, from the top."""
    steps = np.diff(mask.astype(np.int8), axis=1, prepend=0, append=0)
    rows, starts = np.nonzero(steps == 1)
    stops = np.nonzero(steps == -1)[1]
    return list(zip(rows.tolist(), starts.tolist(), stops.tolist(), strict=True))


def _root(parents: list[int], number: int) -> int:
    while parents[number] != number:
        parents[number] = parents[parents[number]]
        number = parents[number]
    return number
