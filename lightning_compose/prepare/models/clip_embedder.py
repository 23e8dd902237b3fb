"""Similarity of images by the image tower of a CLIP from a folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PIL.Image import Image

from lightning_compose.prepare.models.batched_embedder import BatchedEmbedder
from lightning_compose.prepare.models.clip_model import ClipModel

if TYPE_CHECKING:
    from torch import Tensor


class ClipEmbedder(ClipModel, BatchedEmbedder):
    """Embed images by a CLIP; see `ClipModel`."""

    def features(self, images: Sequence[Image]) -> Tensor:
        """Return the projected embeddings."""
        # By its parts: what `get_image_features` returns depends on the version of transformers.
        model = self._clip.model
        return model.visual_projection(model.vision_model(self._clip.pixels(images)).pooler_output)
