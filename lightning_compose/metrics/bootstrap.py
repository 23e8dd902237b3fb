"""How sure a mean over prompts is: percentile intervals (Efron, 1979)."""

from __future__ import annotations

from collections.abc import Sequence

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
    low, high = np.quantile(np.mean(means, axis=0), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
