"""The folder of an evaluation, `FOLDER`/STEP in that of a run: images, a table of scores and a page of both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

FOLDER = "evaluation"
IMAGES = "images"
PAGE = "page.png"


def image_file(index: int) -> str:
    """Return the file of the image of prompt `index`, relative to the folder."""
    return f"{IMAGES}/{index:05d}.png"


def write_images(images: Sequence[Image.Image], files: Sequence[str], folder: Path) -> None:
    """Write images under their names in the folder."""
    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    for image, file in zip(images, files, strict=True):
        image.save(folder / file)
