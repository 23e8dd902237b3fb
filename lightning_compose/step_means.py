"""Means over an optimizer step: of its micro-batches and of all ranks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


class StepMeans:
    """Collect scalars over the micro-batches of an optimizer step, all of the same size.

    >>> means = StepMeans()
    >>> means.add("loss", torch.tensor(1.0))
    >>> means.add("loss", torch.tensor(3.0))
    >>> means.means(reduce=lambda values: values)
    {'loss': tensor(2.)}
    """

    def __init__(self) -> None:
        self._values: dict[str, list[Tensor]] = {}

    def add(self, name: str, value: Tensor) -> None:
        """Add one micro-batch's scalar."""
        self._values.setdefault(name, []).append(value.detach().float())

    def means(self, reduce: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
        """Return every mean and begin anew.

        Args:
            reduce: Takes a tensor to its mean over the ranks; called once, for all names together.
        """
        if not self._values:
            return {}
        names = list(self._values)
        local = torch.stack([torch.stack(self._values[name]).mean() for name in names])
        self._values.clear()
        return dict(zip(names, reduce(local), strict=True))
