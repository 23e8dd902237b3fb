"""score: judge images that are drawn already. It needs no model, and torch for the metrics alone."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from lightning_compose.callbacks.verdict_page import verdict_page
from lightning_compose.cli import PROG
from lightning_compose.cli.errors import OneLineParser
from lightning_compose.cli.quiet import without_loading_bars
from lightning_compose.evaluation.clip import Clip
from lightning_compose.evaluation.image_folder import find_images
from lightning_compose.evaluation.measure import Measurement
from lightning_compose.evaluation.prompts import read_benchmark
from lightning_compose.evaluation.results import PAGE, image_file, write_images
from lightning_compose.evaluation.scores import SCORES, write_scores
from lightning_compose.evaluation.table import summary
from lightning_compose.shapes.judge import ShapesJudge


def run(arguments: Sequence[str]) -> None:
    """Run the command; see `lightning_compose.cli.main`."""
    options = _parser().parse_args(arguments)
    prompts = read_benchmark(options.prompts)
    images = _read(find_images(options.images, prompts))
    measurement = Measurement(prompts, ShapesJudge(), _clip(options.clip))
    indices = range(len(prompts))
    scores = measurement.add(indices, images, [image_file(index) for index in indices])
    write_images(images, [each.file for each in scores], options.out)
    write_scores(scores, options.out / SCORES)
    verdict_page(images, scores).save(options.out / PAGE)
    print(summary(measurement.compute()))
    print(f"Scores of {len(scores)} images: {options.out / SCORES}")


def _read(files: Sequence[Path]) -> list[Image.Image]:
    images = list(map(_decode, files))
    size = images[0].size
    for file, image in zip(files, images, strict=True):
        if image.width != image.height or image.size != size:
            raise ValueError(
                f"Expected square images of one size, got {image.width} x {image.height} px in '{file}' and "
                f"{size[0]} x {size[1]} px in '{files[0]}'. Crop or scale them."
            )
    return images


def _decode(file: Path) -> Image.Image:
    try:
        return Image.open(file).convert("RGB")
    except OSError as error:
        raise ValueError(f"Expected '{file}' to be an image, got: {error}. Draw it anew.") from error


def _clip(folder: str | None) -> Clip | None:
    if folder is None:
        return None
    with without_loading_bars():
        return Clip(folder)


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog=f"{PROG} score", description="Judge the images of a benchmark's prompts.")
    parser.add_argument(
        "images", type=Path, help="folder: as predict writes it, or 0.png, 1.png... in the order of the prompts"
    )
    parser.add_argument("--prompts", type=Path, required=True, help="their .jsonl file, as `shapes prompts` writes it")
    parser.add_argument("--out", type=Path, required=True, help="folder of scores.csv, page.png and the images")
    parser.add_argument("--clip", help="folder of a CLIPModel with its tokenizer, for CLIPScore and KID")
    return parser
