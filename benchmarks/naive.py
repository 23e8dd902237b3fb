"""The reference: the same three losses, computed as public code computes them.

Every attention layer builds its whole map by an explicit softmax, all maps are kept with their gradient, and both
images of a pair go through the whole U-Net. Nothing here is shared with the package but the step around it.

Shape legend::

    b batch    n nouns (padded)    l text tokens    a heads    u pixels of a map, h w its sides
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch import Tensor

from lightning_compose import ComposeModule
from lightning_compose.backbones import Backbone, StableDiffusion
from lightning_compose.losses.projection import ProjectionHead
from lightning_compose.module import denoising_loss
from lightning_compose.needs import Needs
from lightning_compose.step import DenoisingStep, Prediction, Text

SUPERVISED = ("mid_block", "up_blocks")
CROSS_ATTENTION = "attn2"
TEMPERATURE = 0.07


class StoringProcessor:
    """Attention by an explicit softmax, whose probabilities ``[b, a, u, l]`` are kept."""

    def __init__(self, name: str, maps: dict[str, Tensor]) -> None:
        self.name = name
        self.maps = maps

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key, value = (
            attn.head_to_batch_dim(each) for each in (attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context))
        )
        probabilities = attn.get_attention_scores(query, key, attention_mask)
        self.maps[self.name] = probabilities.unflatten(0, (-1, attn.heads))
        output = attn.batch_to_head_dim(torch.bmm(probabilities, value))
        return attn.to_out[1](attn.to_out[0](output))


class NaiveDenoising:
    """A backbone whose U-Net runs as public code runs it; all else is the backbone's own."""

    def __init__(self, backbone: StableDiffusion) -> None:
        self.backbone = backbone
        self.maps: dict[str, Tensor] = {}
        self.negative_maps: dict[str, Tensor] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backbone, name)

    def denoise(
        self,
        noisy: Tensor,
        timesteps: Tensor,
        text: Text,
        needs: Needs,
        noisy_negative: Tensor,
        readout: Tensor | None = None,
    ) -> Prediction:
        unet = self.backbone.unet
        prediction, features, self.maps = run_whole(unet, noisy, timesteps, text.sequence)
        _, features_negative, self.negative_maps = run_whole(unet, noisy_negative, timesteps, text.sequence)
        return Prediction(prediction, {}, {"mid": features}, {"mid": features_negative})


class NaiveModule(ComposeModule):
    """A module with the three losses of another one, over its very weights and heads.

    Args:
        module: Has the losses ``contrastive``, ``token`` and ``pixel`` with their default settings.
    """

    def __init__(self, module: ComposeModule) -> None:
        naive = NaiveDenoising(cast(StableDiffusion, module.backbone))
        # It does what the step asks of a backbone, and owns no weights: they stay the other module's.
        super().__init__(cast(Backbone, naive), caption_dropout=module.caption_dropout, seed=module.seed)
        self.naive = naive
        self.heads = module.heads
        self.weights = {name: loss.weight for name, loss in module.losses.items()}
        self.to(module.device)

    def needs(self) -> Needs:
        return Needs(features=("mid",), negatives=True)

    def training_loss(self, step: DenoisingStep) -> Tensor:
        with torch.autocast(self.device.type, enabled=False):
            terms = self.loss_terms(step)
        return denoising_loss(step) + sum(self.weights[name] * term for name, term in terms.items())

    def loss_terms(self, step: DenoisingStep) -> dict[str, Tensor]:
        """Return the unweighted terms by name."""
        maps = [each.float() for name, each in self.naive.maps.items() if _is_supervised(name)]
        text_maps = [unflatten_pixels(each, step.noisy) for each in maps]
        nouns = step.tokens.nouns & step.batch.noun_supervised[..., None]
        return {
            "contrastive": contrastive_term(step, cast(ProjectionHead, self.heads["contrastive"])),
            "token": token_term(text_maps, nouns, step.batch.noun_masks),
            "pixel": pixel_term(text_maps, nouns, step.batch.noun_masks),
        }

    def forget(self) -> None:
        """Let go of the maps of the last step."""
        self.naive.maps, self.naive.negative_maps = {}, {}


@contextmanager
def explicit_attention(unet: UNet2DConditionModel, maps: dict[str, Tensor]) -> Iterator[None]:
    """Make every attention layer store its map in `maps` in the forward inside."""
    stock = unet.attn_processors
    unet.set_attn_processor({name: StoringProcessor(name, maps) for name in stock})
    try:
        yield
    finally:
        unet.set_attn_processor(stock)


def run_whole(
    unet: UNet2DConditionModel, noisy: Tensor, timesteps: Tensor, text: Tensor
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Return the prediction, the mid block's output and every attention layer's map."""
    features: list[Tensor] = []
    maps: dict[str, Tensor] = {}
    hook = unet.mid_block.register_forward_hook(lambda block, inputs, output: features.append(output))
    with explicit_attention(unet, maps):
        prediction = unet(noisy, timesteps, encoder_hidden_states=text).sample
    hook.remove()
    return prediction, features[0], maps


def unflatten_pixels(maps: Tensor, latents: Tensor) -> Tensor:
    """Return maps ``[b, a, u, l]`` as images ``[b, a, l, h, w]``."""
    shrunk = math.isqrt(latents.shape[-2] * latents.shape[-1] // maps.shape[2])
    height, width = (side // shrunk for side in latents.shape[-2:])
    return maps.transpose(2, 3).unflatten(3, (height, width))


def contrastive_term(step: DenoisingStep, head: ProjectionHead) -> Tensor:
    """EvoGen's loss over each pair."""
    text = F.normalize(step.pooled.float(), dim=1)
    positive, negative = (
        F.normalize(head(features["mid"].float().mean(dim=(2, 3))), dim=1)
        for features in (step.features_positive, step.features_negative)
    )
    exponentials = [((each * text).sum(dim=1) / TEMPERATURE).exp() for each in (positive, negative)]
    losses = -(exponentials[0] / (exponentials[0] + exponentials[1])).log()
    return (losses * step.batch.has_negative).mean()


def token_term(maps: list[Tensor], nouns: Tensor, masks: Tensor) -> Tensor:
    """TokenCompose's L_token as the authors' program computes it, over all tokens of the text.

    Args:
        maps: Of each supervised layer, ``[b, a, l, h, w]``.
        nouns: Which tokens are which supervised noun's, bool ``[b, n, l]``.
        masks: Bool ``[b, n, H, W]``.
    """
    total = maps[0].new_zeros(())
    for layer in maps:
        resized = resized_masks(masks, layer)
        inside = torch.einsum("balhw,bnhw->banl", layer, resized)
        shares = (inside / layer.sum(dim=(3, 4))[:, :, None]).mean(dim=1)
        errors = ((1 - shares) ** 2 * nouns).sum(dim=2) / nouns.sum(dim=2).clamp(min=1)
        total = total + mean_over_nouns(errors, nouns, resized)
    return total


def pixel_term(maps: list[Tensor], nouns: Tensor, masks: Tensor) -> Tensor:
    """TokenCompose's L_pixel as the authors' program computes it; arguments as of `token_term`."""
    total = maps[0].new_zeros(())
    for size in dict.fromkeys(layer.shape[3:] for layer in maps):
        group = torch.stack([layer.mean(dim=1) for layer in maps if layer.shape[3:] == size]).mean(dim=0)
        resized = resized_masks(masks, group)
        noun_maps = torch.einsum("blhw,bnl->bnhw", group, nouns.float()).clamp(max=1)
        entropies = F.binary_cross_entropy(noun_maps, resized, reduction="none").mean(dim=(2, 3))
        total = total + mean_over_nouns(entropies, nouns, resized)
    return total


def resized_masks(masks: Tensor, maps: Tensor) -> Tensor:
    """Return the masks at the resolution of `maps`, float ``[b, n, h, w]``."""
    return (F.interpolate(masks.float(), maps.shape[-2:], mode="bilinear") > 0).float()


def mean_over_nouns(values: Tensor, nouns: Tensor, resized: Tensor) -> Tensor:
    """Average values ``[b, n]`` over each sample's nouns with tokens and a mask, then over samples."""
    usable = nouns.any(dim=2) & resized.flatten(2).any(dim=2)
    return ((values * usable).sum(dim=1) / usable.sum(dim=1).clamp(min=1)).mean()


def _is_supervised(name: str) -> bool:
    return name.startswith(SUPERVISED) and CROSS_ATTENTION in name
