"""A picture of one contrastive pair: both images, both captions, and each noun in the colour of its mask.

``python -m lightning_compose.shapes.picture docs/images/pair.png`` draws the one in the README.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lightning_compose.shapes.captions import phrase
from lightning_compose.shapes.generate import noun_masks
from lightning_compose.shapes.pairs import Pair, draw_pair
from lightning_compose.shapes.palette import RGB
from lightning_compose.shapes.phrases import MarkedText
from lightning_compose.shapes.render import render

INKS: tuple[RGB, ...] = ((205, 30, 95), (20, 115, 200), (225, 120, 0), (0, 135, 115), (125, 60, 175), (110, 110, 110))
BLACK, GREY, WHITE = (35, 35, 40), (120, 120, 128), (255, 255, 255)
PANEL_PX, GAP_PX, TITLE_PX, TEXT_PX, LINE_PX, LINES = 320, 24, 34, 18, 25, 4
DEFAULT_INDEX = 526
WIDTH_PX = 3 * PANEL_PX + 4 * GAP_PX
HEIGHT_PX = GAP_PX + TITLE_PX + PANEL_PX + LINE_PX * LINES + GAP_PX // 2

Words = list[tuple[str, RGB]]


def draw_picture(pair: Pair) -> np.ndarray:
    """Draw a pair with its captions and masks.

    Returns:
        uint8 [height, width, 3].
    """
    picture = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), WHITE)
    caption = phrase(pair.description, pair.style)
    negative_caption = phrase(pair.negative_description, pair.style)
    positive, negative = (render(scene, PANEL_PX) for scene in (pair.positive, pair.negative))
    masks = noun_masks(pair.positive, pair.description, PANEL_PX)
    _panel(picture, 0, "positive", positive, _inked(caption))
    _panel(picture, 1, "negative", negative, [(word, BLACK) for word in negative_caption.text.split()])
    _panel(picture, 2, "a mask for each noun", _overlay(positive, masks), _legend(caption))
    return np.asarray(picture)


def main(argv: Sequence[str] | None = None) -> None:
    """Draw the picture of one pair of the training split into a PNG file."""
    parser = argparse.ArgumentParser(prog="lightning_compose.shapes.picture", description="Draw one contrastive pair.")
    parser.add_argument("out", type=Path, help="PNG file to write")
    parser.add_argument("--seed", type=int, default=0, help="seed of the set (default: 0)")
    parser.add_argument("--index", type=int, default=DEFAULT_INDEX, help=f"which pair (default: {DEFAULT_INDEX})")
    options = parser.parse_args(argv)
    Image.fromarray(draw_picture(draw_pair(options.seed, "train", options.index))).save(options.out, optimize=True)
    print(f"Drew pair {options.index} of seed {options.seed} to {options.out}")


def _inked(caption: MarkedText) -> Words:
    """Split a caption into words, those of a noun in its ink."""
    spans = {span: INKS[mention] for mention, noun in caption.nouns.items() for span in noun.spans}
    words: Words = []
    for match in re.finditer(r"\S+", caption.text):
        inside = (ink for (start, end), ink in spans.items() if start <= match.start() < end)
        words.append((match.group(), next(inside, BLACK)))
    return words


def _legend(caption: MarkedText) -> Words:
    mentions = sorted(caption.nouns, key=lambda mention: caption.nouns[mention].spans)
    commas = [","] * (len(mentions) - 1) + [""]
    return [(caption.nouns[each].text + comma, INKS[each]) for each, comma in zip(mentions, commas, strict=True)]


def _overlay(pixels: np.ndarray, masks: list[np.ndarray]) -> np.ndarray:
    """Tint what each mask covers, the larger the paler, so that a background does not drown its objects."""
    faded = 0.2 * pixels + 0.8 * np.asarray(WHITE)
    for mask, ink in zip(masks, INKS, strict=False):
        strength = 0.9 if mask.mean() < 0.5 else 0.45
        faded[mask] += strength * (np.asarray(ink) - faded[mask])
    return faded.astype(np.uint8)


def _panel(picture: Image.Image, column: int, title: str, pixels: np.ndarray, words: Words) -> None:
    left, top = GAP_PX + column * (PANEL_PX + GAP_PX), GAP_PX
    draw = ImageDraw.Draw(picture)
    draw.text((left, top), title, GREY, _font())
    picture.paste(Image.fromarray(pixels), (left, top + TITLE_PX))
    _write(draw, (left, top + TITLE_PX + PANEL_PX + LINE_PX // 2), words)


def _write(draw: ImageDraw.ImageDraw, corner: tuple[int, int], words: Words) -> None:
    """Write words below each other in lines as wide as a panel."""
    space = draw.textlength(" ", _font())
    x, y = 0.0, float(corner[1])
    for word, ink in words:
        width = draw.textlength(word, _font())
        if x + width > PANEL_PX:
            x, y = 0.0, y + LINE_PX
        draw.text((corner[0] + x, y), word, ink, _font())
        x += width + space


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(TEXT_PX)


if __name__ == "__main__":
    main()
