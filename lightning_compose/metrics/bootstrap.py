"""How sure a mean over prompts, or over seeds and prompts, is: percentile intervals (Efron, 1979)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from statistics import fmean

import numpy as np

from lightning_compose.seeding import generator


def bootstrap_interval(
    groups: Sequence[Sequence[float] | np.ndarray], level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Return the interval of the mean of the groups' means when their members are drawn anew.

    Args:
        groups: The values of each group, such as a category's prompts; one = a plain mean. A prompt with several images
            is one value, their mean: its images tell less than as many prompts would.
        level: Share in (0, 1) of the resampled means that the interval holds.
        resamples: How often all groups are drawn anew.
        seed: Of the drawing: the same values have the same interval.

    Raises:
        ValueError: When there is no group or an empty one.

    >>> bootstrap_interval([[1.0, 1.0, 1.0]])
    (1.0, 1.0)
    """
    arrays = [np.asarray(group, dtype=np.float64) for group in groups]
    if not arrays or any(array.size == 0 for array in arrays):
        raise ValueError(f"Expected at least one value in each group, got {[array.size for array in arrays]}.")
    rng = generator(seed, "bootstrap")
    means = [array[rng.integers(array.size, size=(resamples, array.size))].mean(axis=1) for array in arrays]
    return central_interval(np.mean(means, axis=0), level)


def difference_interval(groups: Sequence[Sequence[float]], level: float = 0.95) -> tuple[float, float]:
    """Return the interval of the mean of the groups' means of differences of shares; it claims no certainty.

    Where values vary it is `bootstrap_interval`. Where all are alike, in every group, drawing them anew gives them back
    and tells nothing of prompts that were not tried. At most a share p of those may be others: were it more, n tries
    had shown one with probability `level`, 1 - (1 - p)^n; at 95 % this is the rule of three, p = 3 / n (Hanley and
    Lippman-Hand, "If nothing goes wrong, is everything all right?", JAMA 1983). Others may lie anywhere in [-1, 1].
    Groups of different sizes count as the smallest does, for which the bound on their mean share holds.

    Args:
        groups: See `bootstrap_interval`; values in [-1, 1].
        level: Likewise.

    >>> low, high = difference_interval([[0.0] * 30])
    >>> round(low, 3), round(high, 3)
    (-0.095, 0.095)
    """
    if any(min(group) < max(group) for group in groups):
        return bootstrap_interval(groups, level)
    alike = [group[0] for group in groups]
    others = 1 - (1 - level) ** (1 / (len(groups) * min(map(len, groups))))
    mean = fmean(alike)
    return mean - others * (1 + max(alike)), mean + others * (1 - min(alike))


def crossed_means(
    groups: Sequence[np.ndarray], others: Sequence[np.ndarray] | None = None, resamples: int = 2000, seed: int = 0
) -> np.ndarray:
    """Return the mean of the groups' means, again and again, when their rows and their columns are drawn anew.

    Rows, such as trainings with different seeds, are drawn once for all groups: a training answers for all of its
    categories. Columns, such as prompts, are drawn by group, once for all rows: each training drew the same prompts.
    What both drawings change is added up, as the variances of two-way clusters are (Cameron, Gelbach and Miller, 2011);
    the chance that belongs to a row and a column together is in both, and not taken off once: the interval is rather
    too wide where rows differ by nothing else. R rows drawn from R vary by (R - 1) / R of the rows' variance, a third
    too little for three: it is enlarged to the whole. A single row adds nothing.

    Args:
        groups: The values [row, column] of each group; all have the same rows.
        others: What is subtracted: the same columns, and rows of its own, drawn by themselves. None = nothing.
        resamples: How often all is drawn anew.
        seed: Of the drawing: the same values have the same means.

    Raises:
        ValueError: When there is no group or an empty one, or rows or columns differ.
    """
    sides = [groups] if others is None else [groups, others]
    for side in sides:
        _check_crossed(side, groups)
    columns = [_shares(seed, f"columns/{index}", group.shape[1], resamples) for index, group in enumerate(groups)]
    means = np.zeros(resamples)
    for sign, side in zip((1, -1), sides, strict=False):
        by_column = [group.mean(axis=0) for group in side]
        means += sign * np.mean([drawn @ each for drawn, each in zip(columns, by_column, strict=True)], axis=0)
        by_row = np.mean([group.mean(axis=1) for group in side], axis=0)
        means += sign * _whole_variance(_shares(seed, f"rows/{sign}", by_row.size, resamples), by_row)
    return means


def central_interval(means: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Return the interval that holds the central share `level` of resampled means.

    >>> central_interval(np.array([0.0, 1.0, 2.0, 3.0, 4.0]), level=0.5)
    (1.0, 3.0)
    """
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _whole_variance(drawn: np.ndarray, by_row: np.ndarray) -> np.ndarray:
    """Return by how much the means [resample] of drawn rows are off that of all rows, enlarged."""
    return np.sqrt(by_row.size / max(by_row.size - 1, 1)) * (drawn @ by_row - by_row.mean())


@lru_cache(maxsize=64)  # A study compares many arms by the same draws.
def _shares(seed: int, what: str, size: int, resamples: int) -> np.ndarray:
    """Return the share [resample, member] of each member in drawings of `size` with replacement."""
    rng = generator(seed, f"bootstrap/{what}")
    return rng.multinomial(size, np.full(size, 1 / size), size=resamples) / size


def _check_crossed(side: Sequence[np.ndarray], groups: Sequence[np.ndarray]) -> None:
    shapes, expected = [group.shape for group in side], [group.shape for group in groups]
    if not shapes or any(0 in shape for shape in shapes):
        raise ValueError(f"Expected at least one row and one column in each group, got shapes {shapes}.")
    if len({rows for rows, _ in shapes}) > 1:
        raise ValueError(f"Expected the same rows in each group, got shapes {shapes}.")
    if [columns for _, columns in shapes] != [columns for _, columns in expected]:
        raise ValueError(f"Expected the same columns on both sides, got shapes {expected} and {shapes}.")
