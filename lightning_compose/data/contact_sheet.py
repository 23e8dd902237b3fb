"""A picture of samples to look at: caption, positive, negative, masks; every noun in its mask's colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from lightning_compose.data.colored_caption import caption_words
from lightning_compose.data.colored_text import Paragraph, Word, paragraph
from lightning_compose.data.images import decode_image
from lightning_compose.data.masks import decode_mask
from lightning_compose.data.overlay import Color, overlay_masks
from lightning_compose.data.schema import Sample

COLUMNS = 2
PANEL_PX, GAP_PX = 192, 12
_PANELS = 3
_TEXT_WIDTH_PX = _PANELS * PANEL_PX + (_PANELS - 1) * GAP_PX
_GREY: Color = (110, 110, 110)


def contact_sheet(samples: Sequence[Sample]) -> Image.Image:
    """Draw samples side by side.

    Args:
        samples: At least one.

    Returns:
        An RGB image, 1,248 pixels wide.
    """
    cells = [_cell(sample) for sample in samples]
    rows = [_beside(cells[start : start + COLUMNS]) for start in range(0, len(cells), COLUMNS)]
    sheet = Image.new("RGB", (max(row.width for row in rows), sum(row.height for row in rows)), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet


def _beside(cells: Sequence[Image.Image]) -> Image.Image:
    row = Image.new("RGB", (COLUMNS * cells[0].width, max(cell.height for cell in cells)), "white")
    for place, cell in enumerate(cells):
        row.paste(cell, (place * cell.width, 0))
    return row


def _cell(sample: Sample) -> Image.Image:
    texts = _texts(sample)
    height = sum(text.height_px for text in texts) + PANEL_PX + 3 * GAP_PX
    cell = Image.new("RGB", (_TEXT_WIDTH_PX + 2 * GAP_PX, height), "white")
    canvas = ImageDraw.Draw(cell)
    top = GAP_PX
    for text in texts:
        text.draw(canvas, GAP_PX, top)
        top += text.height_px
    for place, panel in enumerate(_panels(sample)):
        cell.paste(panel, (GAP_PX + place * (PANEL_PX + GAP_PX), top + GAP_PX // 2))
    return cell


def _texts(sample: Sample) -> list[Paragraph]:
    annotation = sample.annotation
    heading = [Word(f"{sample.key}   {annotation.stage}   {annotation.category}", _GREY)]
    lines = [heading, caption_words(annotation.caption, annotation.nouns)]
    if annotation.negative_caption is not None:
        lines.append([Word(word, _GREY) for word in f"negative: {annotation.negative_caption}".split()])
    unmasked = [noun.text for noun in annotation.nouns if noun.mask is None]
    if unmasked:
        lines.append([Word(word, _GREY) for word in f"without a mask: {', '.join(unmasked)}".split()])
    return [paragraph(words, _TEXT_WIDTH_PX) for words in lines]


def _panels(sample: Sample) -> list[Image.Image]:
    positive = decode_image(sample.positive)
    negative = None if sample.negative is None else decode_image(sample.negative)
    masks = [decode_mask(mask) for mask in sample.annotation.masks]
    return [
        _panel(positive),
        _empty_panel("no negative") if negative is None else _panel(negative),
        _panel(overlay_masks(positive, masks)) if masks else _empty_panel("no masks"),
    ]


def _panel(pixels: np.ndarray) -> Image.Image:
    panel = Image.new("RGB", (PANEL_PX, PANEL_PX), "white")
    image = Image.fromarray(pixels)
    scale = PANEL_PX / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    # Small images keep their pixels: a blurred one would hide what is wrong with it.
    resampling = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
    panel.paste(image.resize(size, resampling), ((PANEL_PX - size[0]) // 2, (PANEL_PX - size[1]) // 2))
    return panel


def _empty_panel(text: str) -> Image.Image:
    panel = Image.new("RGB", (PANEL_PX, PANEL_PX), (240, 240, 240))
    words = paragraph([Word(text, _GREY)], PANEL_PX)
    words.draw(ImageDraw.Draw(panel), GAP_PX, PANEL_PX // 2)
    return panel
