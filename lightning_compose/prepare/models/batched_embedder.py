"""What embedders that run a network here share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL.Image import Image

from lightning_compose.arguments import require_at_least
from lightning_compose.prepare.models.embedder import Embedder

if TYPE_CHECKING:
    from torch import Tensor


class BatchedEmbedder(Embedder):
    """Embeds a batch after another; a subclass overrides `features`.

    Args:
        name: What the rows call it.
        batch_size: Images that are embedded at once.
    """

    def __init__(self, name: str, batch_size: int) -> None:
        require_at_least(1, batch_size=batch_size)
        self.name = name
        self._batch_size = batch_size

    def embed(self, images: Sequence[Image]) -> np.ndarray:
        """Return vectors of length 1, float32 [b, d]."""
        import torch

        starts = range(0, len(images), self._batch_size)
        with torch.inference_mode():
            parts = [self.features(images[start : start + self._batch_size]).float() for start in starts]
            return torch.nn.functional.normalize(torch.cat(parts)).cpu().numpy()

    @abstractmethod
    def features(self, images: Sequence[Image]) -> Tensor:
        """Return a vector an image, [b, d], of any length."""
