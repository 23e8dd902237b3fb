"""Whether the objects of a prompt are there at all (Gokhale et al., "VISOR", 2022: object accuracy)."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class ObjectAccuracy(Metric):
    """Share of images that show every object their prompt names, whatever its attributes and its place.

    >>> metric = ObjectAccuracy()
    >>> metric.update(found=torch.tensor([2, 1, 3]), named=torch.tensor([2, 2, 3]))
    >>> round(float(metric.compute()), 3)
    0.667
    """

    full_state_update = False
    complete: Tensor
    total: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("complete", "total"):
            self.add_state(name, torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, found: Tensor, named: Tensor) -> None:
        """Take in images.

        Args:
            found: Integers [n]: how many of the objects are there.
            named: Integers [n]: how many the prompt names.

        Raises:
            ValueError: When the shapes differ.
        """
        if found.shape != named.shape:
            raise ValueError(f"Expected one number each an image, got {tuple(found.shape)} and {tuple(named.shape)}.")
        self.complete += (found >= named).sum().to(self.complete.device)
        self.total += found.numel()

    def compute(self) -> Tensor:
        """Return the share in [0, 1]; not a number when no image was taken in."""
        return self.complete.float() / self.total
