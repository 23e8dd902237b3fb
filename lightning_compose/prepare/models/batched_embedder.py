"""What embedders that run a network here share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL.Image import Image

from lightning_compose.prepare.models.batched import Batched
from lightning_compose.prepare.models.embedder import Embedder

if TYPE_CHECKING:
    from torch import Tensor


class BatchedEmbedder(Batched, Embedder):
    """Embeds a batch after another; a subclass overrides `features`."""

    def embed(self, images: Sequence[Image]) -> np.ndarray:
        """Return vectors of length 1, float32 [b, d]."""
        import torch

        with torch.inference_mode():
            parts = [self.features(images[part]).float() for part in self.batches(len(images))]
            return torch.nn.functional.normalize(torch.cat(parts)).cpu().numpy()

    @abstractmethod
    def features(self, images: Sequence[Image]) -> Tensor:
        """Return a vector an image, [b, d], of any length."""
