"""Similarity of images by the image tower of a CLIP from a folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PIL.Image import Image

from lightning_compose.prepare.models.batched_embedder import BatchedEmbedder

if TYPE_CHECKING:
    from torch import Tensor


class ClipEmbedder(BatchedEmbedder):
    """Embed images by a CLIP.

    Args:
        pretrained: Folder of a `CLIPModel` with its tokenizer.
        device: Such as ``"cuda"``.
        batch_size: Images that are embedded at once.
        name: For the rows and the dataset card; None = `pretrained`.
    """

    def __init__(self, pretrained: str, device: str = "cpu", batch_size: int = 32, name: str | None = None) -> None:
        from lightning_compose.evaluation.clip import Clip

        super().__init__(name or pretrained, batch_size)
        self._clip = Clip(pretrained).to(device)

    def features(self, images: Sequence[Image]) -> Tensor:
        """Return the projected embeddings."""
        # By its parts: what `get_image_features` returns depends on the version of transformers.
        model = self._clip.model
        return model.visual_projection(model.vision_model(self._clip.pixels(images)).pooler_output)
