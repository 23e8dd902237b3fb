"""How many of several objects an image shows at once (Wang et al., "TokenCompose", CVPR 2024: MultiGen)."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class MultiGen(Metric):
    """Share of images that show at least k of the objects of their prompt, for k from 2: ``mg2``, ``mg3``...

    Args:
        objects: Distinct objects a prompt, at least 2.

    >>> metric = MultiGen(objects=3)
    >>> metric.update(torch.tensor([1, 2, 3, 3]))
    >>> {name: float(value) for name, value in metric.compute().items()}
    {'mg2': 0.75, 'mg3': 0.5}
    """

    full_state_update = False
    images: Tensor

    def __init__(self, objects: int = 5) -> None:
        super().__init__()
        if objects < 2:
            raise ValueError(f"Expected `objects` to be at least 2, got {objects}.")
        self.objects = objects
        # Images by how many objects they show.
        self.add_state("images", torch.zeros(objects + 1, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, found: Tensor) -> None:
        """Take in images.

        Args:
            found: Integers [n] in [0, objects]: how many objects each shows.

        Raises:
            ValueError: When one is out of that range.
        """
        if found.numel() and not 0 <= int(found.min()) <= int(found.max()) <= self.objects:
            raise ValueError(f"Expected numbers in [0, {self.objects}], got {found.tolist()}.")
        self.images += torch.bincount(found.to(self.images.device, torch.long), minlength=self.objects + 1)

    def compute(self) -> dict[str, Tensor]:
        """Return the shares in [0, 1]; empty when no image was taken in."""
        total = self.images.sum()
        if not total:
            return {}
        at_least = self.images.float().flip(0).cumsum(0).flip(0) / total
        return {f"mg{k}": at_least[k] for k in range(2, self.objects + 1)}
