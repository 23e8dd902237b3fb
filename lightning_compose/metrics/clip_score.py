"""How well image and prompt go together for a CLIP (Hessel et al., "CLIPScore", 2021, eq. 1, with w = 100)."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torchmetrics import Metric
from transformers import CLIPModel


def clip_scores(model: CLIPModel, pixels: Tensor, tokens: Tensor) -> Tensor:
    """Return max(100 cos, 0) of images and prompts.

    Args:
        model: Of both towers.
        pixels: float [b, 3, h, w], normalised as the model was trained with.
        tokens: Token ids [b, length], each ended and padded as the model was trained with.

    Returns:
        float32 [b] in [0, 100].
    """
    # By its parts: what `get_image_features` returns depends on the version of transformers.
    image_embeddings = model.visual_projection(model.vision_model(pixels).pooler_output)
    prompt_embeddings = model.text_projection(model.text_model(tokens).pooler_output)
    return 100 * F.cosine_similarity(image_embeddings.float(), prompt_embeddings.float()).clamp(min=0)


class CLIPScore(Metric):
    """Mean of `clip_scores` over images; torchmetrics' own does not run with transformers 5."""

    full_state_update = False
    total: Tensor
    images: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("images", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, scores: Tensor) -> None:
        """Take in the `clip_scores` [n] of images."""
        self.total += scores.float().sum().to(self.total.device)
        self.images += scores.numel()

    def compute(self) -> Tensor:
        """Return the mean in [0, 100]; not a number when no image was taken in."""
        return self.total / self.images
