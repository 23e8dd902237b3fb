"""The pixel loss: each pixel's attention to the nouns whose masks cover it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from lightning_compose.functional import pixel_loss
from lightning_compose.losses.attention import AttentionLoss
from lightning_compose.step import DenoisingStep


class PixelLoss(AttentionLoss):
    """Make a noun's attention map its mask, pixel by pixel (TokenCompose, CVPR 2024, L_pixel).

    Args:
        weight: Factor of the term in the training loss; 0 = off. The default is the authors'.
        layers: See `AttentionLoss`.
        variant: See `functional.pixel_loss`.
    """

    def __init__(self, weight: float = 5e-5, layers: Sequence[str] = ("default",), variant: str = "code") -> None:
        super().__init__(weight, layers, variant)

    def compute(self, step: DenoisingStep, head: nn.Module | None) -> Tensor:
        maps = [each.tokens for each in step.attention.values()]
        others = [each.others for each in step.attention.values()]
        text_tokens = step.tokens.nouns.shape[2]
        return pixel_loss(maps, others, step.noun_tokens, step.batch.noun_masks, self.variant, text_tokens)
