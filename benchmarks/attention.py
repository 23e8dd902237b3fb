"""Time of a training step of the embedded world's base, with attention fused and by matrix products.

python -m benchmarks.attention
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import torch

from benchmarks.measure import Step, median_quotient, round_seconds
from lightning_compose.backbones import StableDiffusion
from lightning_compose.evaluation.table import markdown
from lightning_compose.needs import Needs
from lightning_compose.step import Text

BASE = Path(__file__).parents[1] / "lightning_compose/assets/shapes-base"
SIZE_PX = 64
READ = Needs(attention=("default",))
HEADER = ("precision", "attention", "maps are read", "ms", "x fused, float32")
Variant = tuple[torch.dtype, bool, bool]
VARIANTS: list[Variant] = [
    (dtype, fused, read)
    for read in (False, True)
    for dtype in (torch.float32, torch.bfloat16)
    for fused in (True, False)
]


def steps(batch_size: int) -> dict[str, Step]:
    """Return forward and backward of each variant, by its number, on the same random inputs."""
    models = {
        fused: StableDiffusion(pretrained=str(BASE), fused_attention=fused, encoders=False) for fused in (True, False)
    }
    return {str(index): _step(models[each[1]], each, batch_size) for index, each in enumerate(VARIANTS)}


def _step(model: StableDiffusion, variant: Variant, batch_size: int) -> Step:
    dtype, _, read = variant
    noisy = torch.randn(batch_size, *model.latent_shape(SIZE_PX, SIZE_PX))
    tokens = model.encoder_configs["text_encoder"].max_position_embeddings
    text = Text(torch.randn(batch_size, tokens, model.pooled_width), torch.randn(batch_size, model.pooled_width))
    needs = model.resolve(READ if read else Needs())
    readout = torch.eye(tokens)[:, 1:9].expand(batch_size, -1, -1)

    def step() -> None:
        model.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            seen = model.denoise(noisy, torch.arange(batch_size), text, needs, readout=readout)
        loss = seen.positive.float().square().mean()
        (loss + sum(each.float().square().mean() for each in seen.maps.values())).backward()

    return step


def rows(seconds: dict[str, list[float]]) -> list[tuple[str, ...]]:
    """Return a row a variant."""
    told: list[tuple[str, ...]] = []
    for index, (dtype, fused, read) in enumerate(VARIANTS):
        times = seconds[str(index)]
        first = str(next(number for number, each in enumerate(VARIANTS) if each[2] == read))
        name = str(dtype).removeprefix("torch.")
        how = "fused" if fused else "matrix products"
        quotient = median_quotient(times, seconds[first])
        told.append((name, how, "yes" if read else "no", f"{1000 * median(times):.0f}", f"{quotient:.2f}"))
    return told


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Time a training step with attention fused and by matrix products.")
    parser.add_argument("--batch_size", type=int, default=32, help="images a step")
    parser.add_argument("--rounds", type=int, default=9, help="how often each step is timed")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    # The processor's own time: other programs do not count.
    seconds = round_seconds(steps(options.batch_size), options.rounds, torch.device("cpu"), time.process_time)
    print(markdown([HEADER, *rows(seconds)]))


if __name__ == "__main__":
    main()
