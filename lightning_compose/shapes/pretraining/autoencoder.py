"""Train the embedded world's autoencoder on its renders.

    python -m lightning_compose.shapes.pretraining.autoencoder --out runs/autoencoder --steps 3500 --seed 0

This made the shipped weights in 35 minutes on two shared cores: 34.6 dB on held-out renders (``autoencoder.csv`` and
``autoencoder.png`` beside this file). glibc gives memory back after every step unless it is told not to; with
``MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=8589934592 GLIBC_TUNABLES=glibc.malloc.hugetlb=1`` in the
environment a step takes a fifth less.

Every image is seen once: step t renders scenes t * batch_size and on. Started again, it goes on from its checkpoint;
with another `--steps` the rest of the schedule is that of the new length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from diffusers import AutoencoderKL
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from PIL import Image
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lightning_compose.seeding import generator
from lightning_compose.shapes.pretraining.renders import render_batch
from lightning_compose.shapes.pretraining.run import Run, Settings, read_settings

PICTURE_IMAGES = 16


@dataclass(frozen=True)
class Recipe(Settings):
    """The settings of one training run.

    Args:
        edge_weight: Of the L1 distance between neighbouring-pixel differences; plain L1 alone leaves soft edges.
        kl_weight: Of the divergence from a unit Gaussian, per latent value; keeps the latents bounded, no more.
        ema_decay: Of the averaged weights, which are the ones shipped.
        held_out_images: Renders to measure on; they come from a stream of their own.
    """

    seed: int = 0
    batch_size: int = 8
    learning_rate: float = 4e-3
    warmup_steps: int = 50
    log_interval_steps: int = 100
    edge_weight: float = 1.0
    kl_weight: float = 1e-6
    ema_decay: float = 0.998
    held_out_images: int = 64


def main(argv: Sequence[str] | None = None) -> None:
    """Train as the command line says."""
    train(read_settings(Recipe, "Train the embedded world's autoencoder on its renders.", argv))


def train(recipe: Recipe) -> AutoencoderKL:
    """Train to the end, write the shipped folder, and return the averaged model."""
    run = AutoencoderRun(recipe)
    run.train()
    return publish(run.average.module, recipe)


class AutoencoderRun(Run):
    """A run whose weights are averaged over the steps."""

    settings: Recipe
    model: AutoencoderKL
    parts = ("model", "average", "optimizer")

    def __init__(self, recipe: Recipe) -> None:
        model = build_autoencoder(recipe.seed)
        super().__init__(recipe, model, model.parameters())
        self.average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema_decay))

    def losses(self, step: int) -> dict[str, Tensor]:
        recipe = self.settings
        pixels = render_batch(recipe.seed, "autoencoder", step * recipe.batch_size, recipe.batch_size)
        posterior = self.model.encode(pixels).latent_dist
        decoded = self.model.decode(sample_latents(posterior, recipe.seed, step)).sample
        terms = loss_terms(decoded, pixels, posterior)
        loss = terms["l1"] + terms["l2"] + recipe.edge_weight * terms["edge"] + recipe.kl_weight * terms["kl"]
        return {"loss": loss} | terms

    def optimize(self, step: int) -> dict[str, float]:
        losses = super().optimize(step)
        self.average.update_parameters(self.model)
        return losses

    def measure(self, losses: dict[str, float]) -> dict[str, float]:
        measured = evaluate(self.average.module, self.settings.seed, self.settings.held_out_images)
        return {"lr": self.learning_rate(self.step - 1)} | losses | measured


def build_autoencoder(seed: int) -> AutoencoderKL:
    """Build the untrained autoencoder: 64 px to 16 x 16 latents of 4 channels."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            block_out_channels=(16, 32, 64),
            layers_per_block=1,
            latent_channels=4,
            norm_num_groups=8,
            sample_size=64,
            mid_block_add_attention=False,
        )
    with torch.no_grad():
        # The later half is the log variance: noise of unit size would drown the first thousand steps.
        model.quant_conv.weight[4:] = 0
        model.quant_conv.bias[4:] = -6
    return model.to(memory_format=torch.channels_last)


def sample_latents(posterior: DiagonalGaussianDistribution, seed: int, step: int) -> Tensor:
    """Draw latents [b, 4, h, w] with the noise of this step."""
    noise = generator(seed, "autoencoder-noise", step).standard_normal(posterior.mean.shape, dtype="float32")
    return posterior.mean + posterior.std * torch.from_numpy(noise)


def loss_terms(decoded: Tensor, pixels: Tensor, posterior: DiagonalGaussianDistribution) -> dict[str, Tensor]:
    """Compare images [b, 3, h, w] in [-1, 1]; return the means ``l1``, ``l2``, ``edge`` and ``kl``.

    The squares weigh whole objects that are missing, early on; the absolute values and edges sharpen what is there.
    """
    edges = [F.l1_loss(decoded.diff(dim=dim), pixels.diff(dim=dim)) for dim in (2, 3)]
    divergence = 0.5 * (posterior.mean.pow(2) + posterior.var - 1 - posterior.logvar)
    return {
        "l1": F.l1_loss(decoded, pixels),
        "l2": F.mse_loss(decoded, pixels),
        "edge": torch.stack(edges).sum(),
        "kl": divergence.mean(),
    }


@torch.no_grad()
def evaluate(model: AutoencoderKL, seed: int, count: int) -> dict[str, float]:
    """Measure on held-out renders: PSNR in dB, mean absolute error in grey levels of 255, deviation of the latents."""
    pixels, decoded, latents = reconstruct(model, seed, count)
    squared = ((decoded - pixels) / 2).pow(2).mean(dim=(1, 2, 3))
    return {
        "held_out_psnr": (-10 * squared.log10()).mean().item(),
        "held_out_l1_levels": (decoded - pixels).abs().mean().item() * 127.5,
        "latent_std": latents.std().item(),
    }


@torch.no_grad()
def reconstruct(model: AutoencoderKL, seed: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return held-out renders, their reconstructions [b, 3, h, w] in [-1, 1], and sampled latents [b, 4, h, w]."""
    pixels = render_batch(seed, "autoencoder-held-out", 0, count)
    posterior = model.encode(pixels).latent_dist
    return pixels, model.decode(posterior.mean).sample.clamp(-1, 1), sample_latents(posterior, seed, step=2**40)


def publish(model: AutoencoderKL, recipe: Recipe) -> AutoencoderKL:
    """Write ``vae/`` in float16 with its measured scaling factor, and a picture of reconstructions."""
    pixels, decoded, latents = reconstruct(model, recipe.seed, recipe.held_out_images)
    # Stable Diffusion's convention: latents times the factor have unit variance over the training images.
    model.register_to_config(scaling_factor=round(1 / latents.std().item(), 5))
    save_picture(pixels[:PICTURE_IMAGES], decoded[:PICTURE_IMAGES], recipe.out / "autoencoder.png")
    published = build_autoencoder(recipe.seed)
    published.register_to_config(scaling_factor=model.config.scaling_factor)
    published.load_state_dict(model.state_dict())
    published.half().save_pretrained(recipe.out / "vae")
    return model


def save_picture(pixels: Tensor, decoded: Tensor, path: Path, zoom: int = 3) -> None:
    """Save originals [b, 3, h, w] in [-1, 1] with their reconstructions below each, eight to a row."""
    rows: Iterator[Tensor] = (
        torch.cat(list(half), dim=2) for pair in zip(pixels.split(8), decoded.split(8), strict=True) for half in pair
    )
    grid = torch.cat(list(rows), dim=1).add(1).mul(127.5).round().byte().permute(1, 2, 0).numpy()
    image = Image.fromarray(grid)
    image.resize((image.width * zoom, image.height * zoom), Image.Resampling.NEAREST).save(path, optimize=True)


if __name__ == "__main__":
    main()
