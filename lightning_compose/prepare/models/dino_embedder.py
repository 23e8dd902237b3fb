"""Similarity of images by a DINOv2: closer to what people see than CLIP's, which is about words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PIL.Image import Image

from lightning_compose.prepare.models.batched_embedder import BatchedEmbedder
from lightning_compose.prepare.models.weights_name import weights_name

if TYPE_CHECKING:
    from torch import Tensor


class DinoEmbedder(BatchedEmbedder):
    """Embed images by the class token of a DINOv2 (Oquab et al., 2023).

    Args:
        pretrained: Folder or hub id of a `Dinov2Model` with its image processor.
        device: Such as ``"cuda"``.
        batch_size: Images that are embedded at once.
        name: For the rows and the dataset card; None = the hub id, or the folder's name.
    """

    def __init__(
        self,
        pretrained: str = "facebook/dinov2-base",
        device: str = "cpu",
        batch_size: int = 32,
        name: str | None = None,
    ) -> None:
        import torch
        from transformers import AutoImageProcessor, Dinov2Model

        super().__init__(weights_name(pretrained, name), batch_size)
        # The processor on Pillow: the other one needs torchvision.
        self._processor = AutoImageProcessor.from_pretrained(pretrained, backend="pil")
        self._model = Dinov2Model.from_pretrained(pretrained, dtype=torch.float32).eval().to(device)

    def features(self, images: Sequence[Image]) -> Tensor:
        """Return the normalised class tokens."""
        pixels = self._processor([each.convert("RGB") for each in images], return_tensors="pt").pixel_values
        return self._model(pixels.to(self._model.device)).pooler_output
