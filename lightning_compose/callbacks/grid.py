"""Images side by side in one picture, and into the loggers that take pictures."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from lightning_compose.data.font import load_font

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

MIN_CELL_PX = 160
FONT_PX = 12
LINE_PX = 15
MARGIN_PX = 6


def image_grid(images: Sequence[Image.Image], captions: Sequence[str], columns: int | None = None) -> Image.Image:
    """Draw images of one size in rows, each above its caption.

    Args:
        images: At least one. Small ones are enlarged without smoothing, so that their pixels stay visible.
        captions: One an image; wrapped to the image's width.
        columns: None = about as many as rows.
    """
    columns = columns or math.ceil(math.sqrt(len(images)))
    factor = max(1, math.ceil(MIN_CELL_PX / images[0].width))
    width, height = images[0].width * factor, images[0].height * factor
    wrapped = [_wrap(caption, width) for caption in captions]
    cell_height = height + LINE_PX * max(map(len, wrapped)) + MARGIN_PX
    rows = math.ceil(len(images) / columns)
    size = (columns * (width + MARGIN_PX) + MARGIN_PX, rows * (cell_height + MARGIN_PX) + MARGIN_PX)
    canvas = Image.new("RGB", size, "white")
    for index, (image, lines) in enumerate(zip(images, wrapped, strict=True)):
        row, column = divmod(index, columns)
        x, y = MARGIN_PX + column * (width + MARGIN_PX), MARGIN_PX + row * (cell_height + MARGIN_PX)
        canvas.paste(image.convert("RGB").resize((width, height), Image.Resampling.NEAREST), (x, y))
        _write(canvas, lines, x, y + height)
    return canvas


def publish(picture: Image.Image, name: str, file_name: str, trainer: Trainer) -> Path:
    """Write a picture as PNG into ``pictures/`` of the run's folder, and hand it to the loggers that take images.

    Args:
        name: In the loggers, such as ``"samples"``.
        file_name: Without a suffix.
    """
    folder = Path(trainer.default_root_dir) / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{file_name}.png"
    picture.save(file)
    log_picture(picture, name, trainer)
    return file


def log_picture(picture: Image.Image, name: str, trainer: Trainer) -> None:
    """Hand a picture to the loggers that take images, under a name such as ``"samples"``."""
    loggers: list[Any] = trainer.loggers
    for logger in loggers:
        if hasattr(logger, "log_image"):
            logger.log_image(name, [picture], step=trainer.global_step)
        # Lightning does not ask for one of a logger.
        elif hasattr(getattr(logger, "experiment", None), "add_image"):
            logger.experiment.add_image(name, np.asarray(picture), trainer.global_step, dataformats="HWC")


def _wrap(caption: str, width_px: int) -> list[str]:
    # The mean character of this font is 0.6 times as wide as it is high.
    return textwrap.wrap(caption, width=max(8, int(width_px / (0.6 * FONT_PX)))) or [""]


def _write(canvas: Image.Image, lines: Sequence[str], x: int, y: int) -> None:
    font = load_font(FONT_PX)
    for number, line in enumerate(lines):
        ImageDraw.Draw(canvas).text((x, y + 2 + number * LINE_PX), line, fill="black", font=font)
