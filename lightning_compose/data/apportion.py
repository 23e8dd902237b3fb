"""Whole numbers of samples out of a mixture, what rounding leaves over carried from step to step."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Shares = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


def apportion(mixture: Shares, batch_size: int) -> Counts:
    """Return how many samples each step takes from each pool.

    Every step's counts sum to `batch_size`; none is negative, and a pool whose share is 0 gives none. What rounding
    leaves over is carried on, so that the sums from the first step on follow those of the mixture.

    Args:
        mixture: Of each step, ``[steps, pools]``, rows that sum to 1.
        batch_size: Samples a step.

    Returns:
        ``[steps, pools]``.

    >>> apportion(np.full((3, 2), 0.5), batch_size=3)
    array([[2, 1],
           [1, 2],
           [2, 1]])
    """
    counts = np.zeros(mixture.shape, np.int64)
    owed = np.zeros(mixture.shape[1])
    for step, shares in enumerate(mixture):
        owed += batch_size * shares
        counts[step] = _pay(np.where(shares > 0, owed, -np.inf), batch_size)
        owed -= counts[step]
    return counts


def _pay(owed: Shares, total: int) -> Counts:
    """Pay out `total` whole samples, one after another to the pool that is owed the most."""
    # What is certain beforehand, so that the loop is short: so little that it can never be too much.
    paid = np.maximum(np.floor(owed) - len(owed), 0).astype(np.int64)
    for _ in range(total - int(paid.sum())):
        paid[np.argmax(owed - paid)] += 1
    return paid
