"""Measure how well the oracle reads, and write it into the docs.

    python -m lightning_compose.shapes.oracle.validation --out docs

reads held-out renders as they are, spoilt in several ways and through the autoencoder, and images that show nothing.
It writes ``benchmarks/oracle.csv`` and ``benchmarks/oracle_smears.csv``, the tables of ``oracle.md`` and the picture
``images/oracle.png``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image

from lightning_compose.callbacks.grid import image_grid
from lightning_compose.documentation import replace_block, write_csv
from lightning_compose.seeding import generator
from lightning_compose.shapes.oracle.loose import draw_loosely
from lightning_compose.shapes.oracle.reader import read
from lightning_compose.shapes.oracle.reading import Reading
from lightning_compose.shapes.oracle.smears import SMEARS
from lightning_compose.shapes.oracle.spoilt import blurred, noisy, to_bytes
from lightning_compose.shapes.oracle.tables import confusion_tables, markdown, smear_rows, trial_rows
from lightning_compose.shapes.oracle.trials import Drawing, try_drawing, try_smear
from lightning_compose.shapes.pairs import Pair, draw_pair
from lightning_compose.shapes.render import render
from lightning_compose.shapes.scenes import Scene

AUTOENCODER = Path(__file__).parents[2] / "assets" / "shapes" / "vae"
THROUGH_VAE = "through the autoencoder"
COLUMNS = 7
SHOWN = 7


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and write as the command line says."""
    parser = argparse.ArgumentParser(description="Measure how well the oracle reads.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the pages, with oracle.md in it")
    parser.add_argument("--pairs", type=int, default=192, help="held-out pairs to read (default: 192)")
    parser.add_argument("--seed", type=int, default=7, help="seed of the pairs (default: 7)")
    options = parser.parse_args(argv)
    pairs = [draw_pair(options.seed, "held_out", index) for index in range(options.pairs)]
    measure(options.out, pairs, f"Both images of {options.pairs} held-out pairs, seed {options.seed}:")


def measure(out: Path, pairs: Sequence[Pair], title: str) -> None:
    """Measure on the scenes of some pairs; write tables, below a title, and a picture into the folder `out`."""
    drawings = _drawings()
    trials = {name: try_drawing(pairs, draw) for name, draw in drawings.items()}
    smears = {name: try_smear(pairs, smear, f"oracle/{name}") for name, smear in SMEARS.items()}
    read_rows = trial_rows(trials)
    smeared = smear_rows(smears, len(pairs), sum(len(pair.positive.objects) for pair in pairs))
    write_csv(out / "benchmarks" / "oracle.csv", read_rows)
    write_csv(out / "benchmarks" / "oracle_smears.csv", smeared)
    replace_block(out / "oracle.md", "oracle", f"{title}\n\n{markdown(read_rows)}\n\n{markdown(smeared)}")
    replace_block(out / "oracle.md", "confusion", confusion_tables(trials[THROUGH_VAE]))
    (out / "images").mkdir(exist_ok=True)
    _picture([pair.positive for pair in pairs], drawings).save(out / "images" / "oracle.png", optimize=True)


def _drawings() -> dict[str, Drawing]:
    model = AutoencoderKL.from_pretrained(AUTOENCODER, torch_dtype=torch.float32, low_cpu_mem_usage=False).eval()
    return {
        "renders": lambda scene, _: render(scene),
        THROUGH_VAE: lambda scene, _: reconstruct(model, render(scene)),
        "blurred, 0.7 px": lambda scene, _: blurred(render(scene), 0.7),
        "blurred, 1 px": lambda scene, _: blurred(render(scene), 1.0),
        "noise of 8 levels": lambda scene, number: noisy(render(scene), 8, generator(0, "oracle/noise/8", number)),
        "noise of 16 levels": lambda scene, number: noisy(render(scene), 16, generator(0, "oracle/noise/16", number)),
        "drawn loosely": lambda scene, number: draw_loosely(scene, generator(0, "oracle/loose", number)),
    }


@torch.no_grad()
def reconstruct(model: AutoencoderKL, image: np.ndarray) -> np.ndarray:
    """Encode an image, uint8 [h, w, 3], to the mean of its latents, and decode it."""
    pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    decoded = model.decode(model.encode(pixels).latent_dist.mean).sample
    return to_bytes((decoded[0].permute(1, 2, 0).double().numpy() + 1) * 127.5)


def _picture(scenes: Sequence[Scene], drawings: dict[str, Drawing]) -> Image.Image:
    images, captions = [], []
    for name, draw in drawings.items():
        for number, scene in enumerate(scenes[:SHOWN]):
            images.append(draw(scene, number))
            captions.append(f"{name}: {_told(read(images[-1]))}")
    busy = max(range(len(scenes)), key=lambda index: len(scenes[index].objects))
    for name, smear in SMEARS.items():
        images.append(smear(scenes, busy, generator(0, f"oracle/{name}", busy)))
        captions.append(f"{name}: {_told(read(images[-1]))}")
    return image_grid([Image.fromarray(image) for image in images], captions, COLUMNS)


def _told(reading: Reading) -> str:
    objects = [f"{item.color} {item.texture} {item.shape}" for item in reading.items] or ["nothing"]
    return f"{', '.join(objects)}; {reading.background or 'nowhere'}"


if __name__ == "__main__":
    main()
