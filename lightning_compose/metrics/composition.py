"""The share of images that show all that their prompt says, by category (as T2I-CompBench's categories)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric


class CompositionAccuracy(Metric):
    """Accuracy of each category, and ``"mean"``: that of the categories, whatever their numbers of images.

    Args:
        categories: Their names.

    >>> metric = CompositionAccuracy(["color", "shape"])
    >>> metric.update(["color", "color", "shape"], torch.tensor([True, False, True]))
    >>> {name: float(value) for name, value in metric.compute().items()}
    {'color': 0.5, 'shape': 1.0, 'mean': 0.75}
    """

    full_state_update = False
    correct: Tensor
    total: Tensor

    def __init__(self, categories: Sequence[str]) -> None:
        super().__init__()
        self.categories = tuple(categories)
        for name in ("correct", "total"):
            counts = torch.zeros(len(self.categories), dtype=torch.long)
            self.add_state(name, counts, dist_reduce_fx="sum")

    def update(self, categories: Sequence[str], correct: Tensor) -> None:
        """Take in images.

        Args:
            categories: Of n images.
            correct: bool [n].

        Raises:
            ValueError: When a category is unknown, or the numbers differ.
        """
        unknown = sorted(set(categories) - set(self.categories))
        if unknown or correct.shape != (len(categories),):
            raise ValueError(
                f"Expected categories of {list(self.categories)} and as many verdicts, got {unknown or 'no other'} and "
                f"{tuple(correct.shape)} verdicts for {len(categories)} categories."
            )
        places = [self.categories.index(name) for name in categories]
        indices = torch.tensor(places, dtype=torch.long, device=self.correct.device)
        self.total += torch.bincount(indices, minlength=len(self.categories))
        right = correct.to(indices.device, torch.long)
        self.correct += torch.zeros_like(self.correct).index_add_(0, indices, right)

    def compute(self) -> dict[str, Tensor]:
        """Return the accuracy in [0, 1] of each category that was seen, and their mean; empty when none was."""
        accuracy = self.correct.float() / self.total
        seen = {name: accuracy[index] for index, name in enumerate(self.categories) if self.total[index]}
        return seen | {"mean": torch.stack(list(seen.values())).mean()} if seen else {}
