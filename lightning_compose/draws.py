"""The step's random tensors, each sample's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lightning_compose.seeding import generator


@dataclass(frozen=True)
class Draws:
    """Random tensors for a batch, a function of (seed, stream, name, sample index) alone.

    Args:
        seed: The run's seed.
        stream: ``"train"``, or another for draws that must differ from training's.
        indices: Each sample's global index, ``[b]``.
        device: Where the noise goes; all is drawn on the CPU, so that every device sees the same.
    """

    seed: int
    stream: str
    indices: Sequence[int]
    device: torch.device

    def normal(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Return standard normal float32 ``[b, *shape]``."""
        samples = np.stack([each.standard_normal(shape, dtype=np.float32) for each in self._generators(name)])
        return torch.from_numpy(samples).to(self.device)

    def uniform(self, name: str) -> Tensor:
        """Return float64 ``[b]`` in ``[0, 1)``, on the CPU."""
        # In float64, which not every device has: a product with the number of timesteps cannot round up to it.
        return torch.tensor([each.random() for each in self._generators(name)], dtype=torch.float64)

    def _generators(self, name: str) -> list[np.random.Generator]:
        return [generator(self.seed, f"{self.stream}/{name}", index) for index in self.indices]
