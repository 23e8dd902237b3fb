"""The noisy latents of a batch: what the denoiser gets, and what it should return."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_compose.backbones.base import Backbone
from lightning_compose.data.batch import PairBatch
from lightning_compose.draws import Draws


@dataclass(frozen=True)
class Noised:
    """Noisy latents.

    Args:
        timesteps: ``[b]``.
        noise: Of the positives, ``[b, c, h, w]``, standard normal.
        positive: ``[b, c, h, w]``.
        negative: Likewise; None where no loss needs the negatives.
        target: What the denoiser should return for the positives, ``[b, c, h, w]``.
    """

    timesteps: Tensor
    noise: Tensor
    positive: Tensor
    negative: Tensor | None
    target: Tensor


@torch.no_grad()
def encode_and_add_noise(
    backbone: Backbone, batch: PairBatch, draws: Draws, timesteps: Tensor, negatives: bool, own_negative_noise: bool
) -> Noised:
    """Encode the images of a batch, unless it brings their features, and add noise.

    Args:
        backbone: Encodes.
        batch: On the device of the draws.
        draws: Of the batch's samples.
        timesteps: ``[b]``, of positives and negatives.
        negatives: Whether the negatives too.
        own_negative_noise: Whether they get noise of their own instead of the positives'.

    Raises:
        ValueError: When `negatives` and the batch has none.
    """
    shape = backbone.latent_shape(*batch.noun_masks.shape[-2:])
    moments, noise = draws.normal("moments", shape), draws.normal("noise", shape)
    timesteps = timesteps.to(draws.device)
    latents = _positives(backbone, batch, moments)
    noisy = backbone.add_noise(latents, noise, timesteps)
    target = backbone.target(latents, noise, timesteps)
    if not negatives:
        return Noised(timesteps, noise, noisy, None, target)
    # The same sampling of latents: images that differ little have latents that differ little.
    latents = _negatives(backbone, batch, moments)
    negative_noise = draws.normal("negative_noise", shape) if own_negative_noise else noise
    return Noised(timesteps, noise, noisy, backbone.add_noise(latents, negative_noise, timesteps), target)


def _positives(backbone: Backbone, batch: PairBatch, noise: Tensor) -> Tensor:
    if batch.features is not None:
        return backbone.sample_latents(batch.features.positive.float(), noise)
    return _encode(backbone, batch.positive, noise)


def _negatives(backbone: Backbone, batch: PairBatch, noise: Tensor) -> Tensor:
    _require_negatives(batch)
    if batch.features is not None:
        return backbone.sample_latents(batch.features.negative.float(), noise)
    return _encode(backbone, batch.negative, noise)


def _encode(backbone: Backbone, images: Tensor | None, noise: Tensor) -> Tensor:
    if images is None:
        raise ValueError("Expected a batch of images or of their features, got neither.")
    # In float32 whatever the precision of training: Stable Diffusion's VAE overflows in half precision.
    with torch.autocast(images.device.type, enabled=False):
        return backbone.encode_images(images.float() / 127.5 - 1, noise)


def _require_negatives(batch: PairBatch) -> None:
    # So looks a batch whose negative images were not decoded.
    read = batch if batch.features is None else batch.features
    if read.negative is read.positive:
        raise ValueError(
            "Expected `data.negatives: true`, because a loss that is on compares with the negative images, got a batch "
            "without any. Set --data.negatives=true, or the loss's weight to 0."
        )
