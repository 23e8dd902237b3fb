"""The token loss: each noun's attention into its mask."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from lightning_compose.functional import token_loss
from lightning_compose.losses.attention import AttentionLoss
from lightning_compose.step import DenoisingStep


class TokenLoss(AttentionLoss):
    """Move the attention that a noun's tokens get into the noun's mask (TokenCompose, CVPR 2024, L_token).

    Args:
        weight: Factor of the term in the training loss; 0 = off. The default is the authors'.
        layers: See `AttentionLoss`.
        variant: See `functional.token_loss`.
    """

    def __init__(self, weight: float = 1e-3, layers: Sequence[str] = ("default",), variant: str = "code") -> None:
        super().__init__(weight, layers, variant)

    def compute(self, step: DenoisingStep, head: nn.Module | None) -> Tensor:
        maps = [each.tokens for each in step.attention.values()]
        return token_loss(maps, step.noun_tokens, step.batch.noun_masks, self.variant)
