"""Images with their verdicts, to look at: a green frame and a tick, or a red one and a cross."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageOps

from lightning_compose.callbacks.grid import image_grid
from lightning_compose.evaluation.scores import ANSWERS_SEPARATOR, Score

COLUMNS = 10
FRAME_PX = 5
LEAST_PX, MOST_PX = 150, 192
GREEN, RED = (40, 160, 60), (214, 32, 40)
TICK, CROSS = "\u2713", "\u2717"


def verdict_page(images: Sequence[Image.Image], scores: Sequence[Score]) -> Image.Image:
    """Draw a benchmark's images, each above its prompt and what is wrong with it.

    Args:
        images: At least one, of one size.
        scores: One an image.
    """
    framed = [frame(image, score.correct) for image, score in zip(images, scores, strict=True)]
    return image_grid(framed, [caption(score) for score in scores], min(COLUMNS, len(framed)))


def frame(image: Image.Image, correct: bool) -> Image.Image:
    """Put a frame around an image that is made large enough to see and small enough for a page."""
    if image.width > MOST_PX:
        size = (MOST_PX, round(MOST_PX * image.height / image.width))
        scaled = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    else:
        scaled = ImageOps.scale(image.convert("RGB"), math.ceil(LEAST_PX / image.width), Image.Resampling.NEAREST)
    return ImageOps.expand(scaled, FRAME_PX, GREEN if correct else RED)


def caption(score: Score) -> str:
    """Say what was asked for, and which answers are wrong.

    >>> row = Score(0, "color", "held_out", "", 0, "A red ring", False, 1, 1, 1, 2, "A ring? yes | Red? [no]")
    >>> caption(row).encode("ascii", "replace").decode()
    '? color, held out: A red ring - Red? [no]'
    """
    text = f"{TICK if score.correct else CROSS} {score.category}, {score.split.replace('_', ' ')}: {score.prompt}"
    wrong = [each for each in score.answers.split(ANSWERS_SEPARATOR) if each.endswith("]")]
    return " - ".join([text, *wrong])
