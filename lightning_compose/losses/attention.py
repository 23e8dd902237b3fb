"""What the losses on attention share: layers, variant, and what is worth watching."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lightning_compose.functional import VARIANTS, in_mask_share, resize_masks
from lightning_compose.losses.base import LossCallback
from lightning_compose.needs import Needs
from lightning_compose.step import DenoisingStep


class AttentionLoss(LossCallback):
    """A loss on the attention to nouns; a subclass overrides `compute`.

    Args:
        weight: Factor of the term in the training loss; 0 = off.
        layers: Cross-attention layers by name (``mid``, ``up_1``, ``up_1.0``) or resolution as a fraction of the
            latent's side (``1/4``); ``default`` = those that the backbone supervises, of a U-Net mid and up blocks.
        variant: ``code``, as the program computes it that made the published numbers, or ``paper``.

    Losses that name the same layers share one capture.
    """

    def __init__(self, weight: float, layers: Sequence[str] = ("default",), variant: str = "code") -> None:
        super().__init__(weight)
        if isinstance(layers, str) or not layers:
            raise ValueError(f"Expected `layers` to be a list with at least one name, got {layers!r}.")
        if variant not in VARIANTS:
            raise ValueError(f"Expected `variant` to be one of {list(VARIANTS)}, got {variant!r}.")
        self.variant = variant
        self.needs = Needs(attention=tuple(layers))

    def measure(self, step: DenoisingStep, head: nn.Module | None) -> dict[str, Tensor]:
        """Return each sample's share of the nouns' attention inside their masks, and its vanished masks.

        A mask that vanishes at the resolution of a layer supervises nothing there, and counts once a resolution.
        """
        maps = [each.tokens for each in step.attention.values()]
        return {
            "in_mask_share": in_mask_share(maps, step.noun_tokens, step.batch.noun_masks),
            "vanished_masks": _vanished_masks(step),
        }


def _vanished_masks(step: DenoisingStep) -> Tensor:
    resolutions = {each.tokens.shape[-2:] for each in step.attention.values()}
    seen = [resize_masks(step.batch.noun_masks, *size).flatten(2).any(dim=2) for size in resolutions]
    return torch.stack([(step.noun_supervised & ~each).sum(dim=1) for each in seen]).sum(dim=0).float()
