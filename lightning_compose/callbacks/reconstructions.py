"""Originals beside what the autoencoder makes of them: the best that any sample can look."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from PIL import Image
from torch import Tensor

from lightning_compose.callbacks.grid import image_grid, publish


class Reconstructions(Callback):
    """Draw images of the first batch beside their reconstructions into ``pictures/reconstructions.png``.

    Args:
        images: How many, at most the micro-batch; 0 = none.

    A training on a feature cache, which decodes no images, has no such picture and says so.
    """

    def __init__(self, images: int = 4) -> None:
        if images < 0:
            raise ValueError(f"Expected `images` to be at least 0, got {images}. 0 = none.")
        self.images = images
        self._done = False

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if self._done or not self.images or not trainer.is_global_zero:
            return
        self._done = True
        if batch.positive is None:
            # Above the progress bar.
            pl_module.print("No picture of reconstructions: the features of a cache stand for the images.")
            return
        originals = batch.positive[: self.images]
        pairs = torch.stack([originals, reconstruct(pl_module.backbone.vae, originals)], dim=1).flatten(0, 1)
        images = [Image.fromarray(each.permute(1, 2, 0).numpy()) for each in pairs.cpu()]
        captions = ["original", "reconstruction"] * len(originals)
        publish(image_grid(images, captions, columns=2), "reconstructions", "reconstructions", trainer)


@torch.no_grad()
def reconstruct(vae: Any, images: Tensor) -> Tensor:
    """Encode and decode images.

    Args:
        vae: diffusers' AutoencoderKL.
        images: uint8 ``[b, 3, h, w]``.

    Returns:
        The same shape and type, from the mode of the latents' distribution.
    """
    latents = vae.encode(images.float() / 127.5 - 1).latent_dist.mode()
    decoded = vae.decode(latents).sample
    return ((decoded.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
