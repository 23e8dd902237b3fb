"""Means over an optimizer step or a validation: of its micro-batches and of all ranks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


class StepMeans:
    """Collect values over micro-batches.

    >>> means = StepMeans()
    >>> means.add("loss", torch.tensor(1.0))
    >>> means.add("loss", torch.tensor(3.0))
    >>> means.add("accuracy", torch.tensor([1.0, float("nan")]))
    >>> means.means(reduce=lambda values: values)
    {'accuracy': tensor(1.), 'loss': tensor(2.)}
    """

    def __init__(self) -> None:
        self._totals: dict[str, Tensor] = {}

    def add(self, name: str, values: Tensor, weight: int = 1) -> None:
        """Add what one micro-batch gave.

        Args:
            name: Of the mean.
            values: A scalar; or a value a sample, ``[b]``, NaN for those to which it does not apply.
            weight: Of every value: for a scalar the micro-batch's size, where sizes differ.
        """
        values = values.detach().float()
        # A scalar that is not a number is an error to be seen, not a value that does not apply.
        counted = ~values.isnan() if values.dim() else torch.ones_like(values)
        total = torch.stack([values.where(counted.bool(), 0.0).sum(), counted.sum()]) * weight
        self._totals[name] = self._totals[name] + total if name in self._totals else total

    def means(self, reduce: Callable[[Tensor], Tensor] = lambda totals: totals) -> dict[str, Tensor]:
        """Return every mean, sorted by name, and begin anew; NaN where there was no value.

        Args:
            reduce: Takes a tensor to its mean over the ranks, all of which must have added the same names, in whatever
                order; called once, for all names together.
        """
        if not self._totals:
            return {}
        names = sorted(self._totals)
        # The mean of the sums over the mean of the counts, so that every value counts alike on whatever rank it was.
        sums, counts = reduce(torch.stack([self._totals[name] for name in names])).unbind(dim=1)
        self._totals.clear()
        return dict(zip(names, sums / counts, strict=True))
