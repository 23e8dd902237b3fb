"""How much better a model denoises an image by its caption than by that of its negative, by the level of the noise.

python -m benchmarks.binding

The two captions have the same words: where the difference is zero the model does not know which word belongs to which.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor
from tqdm import tqdm

from lightning_compose.data.images import decode_image
from lightning_compose.data.schema import Sample
from lightning_compose.data.shards import ShardSet
from lightning_compose.documentation import write_csv
from lightning_compose.evaluation.table import markdown

ROOT = Path(__file__).parents[1]
BASE, PAIRS = ROOT / "lightning_compose/assets/shapes-base", ROOT / "data_shards/shapes"
TIMESTEPS = range(50, 1000, 100)
HEADER = ("timestep", "loss", "gain of the right caption", "standard error", "pairs that gain")


def exchanged(samples: Iterable[Sample], category: str) -> Iterator[Sample]:
    """Yield the pairs of two objects whose captions have the same words in another order."""
    for each in samples:
        annotation = each.annotation
        if annotation.stage == "composition" and annotation.category == category and annotation.negative_caption:
            first, second = (sorted(text.lower().split()) for text in (annotation.caption, annotation.negative_caption))
            if first == second:
                yield each


class Denoiser:
    """A Stable Diffusion that tells how well it denoises.

    Args:
        pretrained: A diffusers folder.
        draws: Of each noise level: its noise is the mean of as many.
        seed: Of the noise.
    """

    def __init__(self, pretrained: str | Path, draws: int = 3, seed: int = 0) -> None:
        self._pipeline = StableDiffusionPipeline.from_pretrained(pretrained, torch_dtype=torch.float32)
        self._draws, self._generator = draws, torch.Generator().manual_seed(seed)

    @torch.no_grad()
    def latents(self, images: Tensor) -> Tensor:
        """Return the scaled latents ``[b, c, h, w]`` of uint8 images ``[b, 3, h_px, w_px]``."""
        vae = self._pipeline.vae
        return vae.encode(images.float() / 127.5 - 1).latent_dist.mode() * vae.config.scaling_factor

    @torch.no_grad()
    def text(self, captions: Sequence[str]) -> Tensor:
        """Return the encoded captions ``[b, l, d]``."""
        tokenizer = self._pipeline.tokenizer
        length = {"max_length": tokenizer.model_max_length, "padding": "max_length", "truncation": True}
        return self._pipeline.text_encoder(tokenizer(list(captions), return_tensors="pt", **length).input_ids)[0]

    @torch.no_grad()
    def losses(self, latents: Tensor, texts: Sequence[Tensor], timestep: int) -> Tensor:
        """Return each text's mean squared error on each image, ``[texts, b]``, with the same noise for all texts."""
        steps = torch.full((len(latents),), timestep)
        told = [self._of_noise(latents, texts, steps) for _ in range(self._draws)]
        return torch.stack(told).mean(dim=0)

    def _of_noise(self, latents: Tensor, texts: Sequence[Tensor], steps: Tensor) -> Tensor:
        scheduler, unet = self._pipeline.scheduler, self._pipeline.unet
        noise = torch.randn(latents.shape, generator=self._generator)
        noisy = scheduler.add_noise(latents, noise, steps)
        is_v = scheduler.config.prediction_type == "v_prediction"
        target = scheduler.get_velocity(latents, noise, steps) if is_v else noise
        return torch.stack([(unet(noisy, steps, each).sample - target).square().mean(dim=(1, 2, 3)) for each in texts])


def row(timestep: int, right: Tensor, wrong: Tensor) -> tuple[str, ...]:
    """Return a row of the table from the losses ``[b]`` by the right and the wrong caption."""
    gain = wrong - right
    error = gain.std().item() / len(gain) ** 0.5
    share = (gain > 0).float().mean().item()
    return str(timestep), f"{right.mean():.4f}", f"{gain.mean():+.5f}", f"{error:.5f}", f"{share:.0%}"


def measure(pairs: Sequence[Sample], denoiser: Denoiser) -> list[tuple[str, ...]]:
    """Return a row a noise level."""
    images = torch.from_numpy(np.stack([decode_image(each.positive) for each in pairs])).permute(0, 3, 1, 2)
    latents = denoiser.latents(images)
    annotations = [each.annotation for each in pairs]
    texts = [
        denoiser.text([each.caption for each in annotations]),
        denoiser.text([each.negative_caption or "" for each in annotations]),
    ]
    return [row(each, *denoiser.losses(latents, texts, each)) for each in tqdm(TIMESTEPS, unit="level")]


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description="Measure what a model knows of who is what, by the level of the noise."
    )
    parser.add_argument("--pretrained", default=str(BASE), help="a diffusers folder of a Stable Diffusion")
    parser.add_argument("--data", default=str(PAIRS), help="a set of pairs")
    parser.add_argument("--category", default="color", help="color, or spatial: who is left of whom")
    parser.add_argument("--pairs", type=int, default=160, help="pairs at most")
    parser.add_argument("--csv", type=Path, help="a file that the table is written to, too")
    options = parser.parse_args(argv)
    shards = ShardSet(options.data)
    pairs = list(exchanged((shards.read(index) for index in range(len(shards))), options.category))[: options.pairs]
    print(f"{len(pairs)} pairs")
    rows = measure(pairs, Denoiser(options.pretrained))
    print(markdown([HEADER, *rows]))
    if options.csv:
        write_csv(options.csv, [dict(zip(HEADER, row, strict=True)) for row in rows])


if __name__ == "__main__":
    main()
