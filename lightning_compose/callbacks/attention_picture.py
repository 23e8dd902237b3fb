"""Attention to nouns as a picture: each image, and beside it every noun's heatmap and mask.

Shapes: b = batch, n = noun (padded), a = heads, k = supervised tokens (padded), h w = height, width.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image, ImageDraw
from torch import Tensor

from lightning_compose.data.colored_caption import caption_words
from lightning_compose.data.colored_text import Paragraph, Word, paragraph
from lightning_compose.data.overlay import Color, mask_color, overlay_masks
from lightning_compose.data.schema import Noun
from lightning_compose.step import NounAttention

CELL_PX = 256
GAP_PX = 12
FONT_PX = 20
LABEL_PX = 30
NOUNS_A_LINE = 3
_GREY: Color = (110, 110, 110)
# Perceptually uniform: equal differences of attention look equal.
_HEAT = matplotlib.colormaps["inferno"]


@dataclass(frozen=True)
class NounMap:
    """One noun of one image.

    Args:
        noun: As in the caption.
        attention: The share of each pixel's attention that goes to the noun, float ``[h, w]``.
        mask: Where the noun is, bool ``[h, w]``.
        in_mask_share: How much of the attention lies in the mask, in [0, 1]; NaN where no layer is fine enough for
            the mask.
    """

    noun: Noun
    attention: np.ndarray
    mask: np.ndarray
    in_mask_share: float


@dataclass(frozen=True)
class AttentionRow:
    """One image: uint8 pixels ``[h, w, 3]``, its caption, the timestep of its noise, and its supervised nouns."""

    pixels: np.ndarray
    caption: str
    timestep: float
    nouns: tuple[NounMap, ...]


def noun_maps(attention: Collection[NounAttention], noun_tokens: Tensor, size_px: tuple[int, int]) -> Tensor:
    """Return each noun's attention: its tokens' sum, the mean over heads, the mean over layers at one size.

    Args:
        attention: One a layer, at least one, with tokens ``[b, a, k, h, w]``.
        noun_tokens: Which tokens are which noun's, bool ``[b, n, k]``.
        size_px: Height and width to resize all layers to.

    Returns:
        float32 ``[b, n, height, width]``; zero for a noun without tokens.
    """
    tokens_of_noun = noun_tokens.float()
    of_layers = [torch.einsum("bakhw,bnk->bnhw", each.tokens.float(), tokens_of_noun) for each in attention]
    heads = [each.tokens.shape[1] for each in attention]
    resized = [F.interpolate(each, size_px, mode="bilinear", align_corners=False) for each in of_layers]
    return torch.stack([each / count for each, count in zip(resized, heads, strict=True)]).mean(dim=0)


def attention_picture(rows: Sequence[AttentionRow], title: str) -> Image.Image:
    """Draw images below each other, each with its caption above it, and a heatmap and a mask for every noun.

    A heatmap's brightest colour is its own peak; a white line is the mask's outline.

    Args:
        rows: At least one.
        title: Above all, in grey.
    """
    columns = 1 + 2 * min(NOUNS_A_LINE, max(len(row.nouns) for row in rows))
    width = columns * (CELL_PX + GAP_PX) - GAP_PX
    heading = paragraph([Word(word, _GREY) for word in title.split()], width, FONT_PX)
    blocks = [_row(row, width) for row in rows]
    height = heading.height_px + sum(block.height + GAP_PX for block in blocks)
    picture = Image.new("RGB", (width + 2 * GAP_PX, height + 2 * GAP_PX), "white")
    heading.draw(ImageDraw.Draw(picture), GAP_PX, GAP_PX)
    top = GAP_PX + heading.height_px + GAP_PX
    for block in blocks:
        picture.paste(block, (GAP_PX, top))
        top += block.height + GAP_PX
    return picture


def _color(noun: Noun) -> Color:
    return mask_color(noun.mask or 0)


def _row(row: AttentionRow, width: int) -> Image.Image:
    caption = paragraph(caption_words(row.caption, [each.noun for each in row.nouns]), width, FONT_PX)
    cell_height = round(CELL_PX * row.pixels.shape[0] / row.pixels.shape[1])
    line_height = cell_height + LABEL_PX
    lines = -(-len(row.nouns) // NOUNS_A_LINE)
    block = Image.new("RGB", (width, caption.height_px + lines * line_height), "white")
    caption.draw(ImageDraw.Draw(block), 0, 0)
    _paste(block, 0, caption.height_px, [_image(row.pixels, cell_height)], _label(f"t = {row.timestep:g}", _GREY))
    for place, noun in enumerate(row.nouns):
        line, column = divmod(place, NOUNS_A_LINE)
        x = (1 + 2 * column) * (CELL_PX + GAP_PX)
        text = _label(f"{noun.noun.text}  {_number(noun.in_mask_share)}", _color(noun.noun))
        _paste(block, x, caption.height_px + line * line_height, _pair(noun, row.pixels, cell_height), text)
    return block


def _number(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.2f}"


def _label(text: str, color: Color) -> Paragraph:
    return paragraph([Word(text, color)], CELL_PX, FONT_PX)


def _paste(block: Image.Image, x: int, y: int, cells: Sequence[Image.Image], label: Paragraph) -> None:
    for place, cell in enumerate(cells):
        block.paste(cell, (x + place * (CELL_PX + GAP_PX // 2), y))
    label.draw(ImageDraw.Draw(block), x, y + cells[0].height + 2)


def _pair(noun: NounMap, pixels: np.ndarray, cell_height: int) -> list[Image.Image]:
    # A mask's place in the list is its colour.
    before = [np.zeros_like(noun.mask)] * (noun.noun.mask or 0)
    shown = overlay_masks(pixels, [*before, noun.mask])
    return [_heatmap(noun, cell_height), _image(shown, cell_height)]


def _image(pixels: np.ndarray, height: int) -> Image.Image:
    # Small images keep their pixels: a blurred one would hide what is wrong with it.
    resampling = Image.Resampling.NEAREST if pixels.shape[1] < CELL_PX else Image.Resampling.LANCZOS
    return Image.fromarray(pixels).resize((CELL_PX, height), resampling)


def _heatmap(noun: NounMap, height: int) -> Image.Image:
    attention = Image.fromarray(noun.attention.astype(np.float32))
    smooth = np.asarray(attention.resize((CELL_PX, height), Image.Resampling.BILINEAR))
    colors = (255 * _HEAT(smooth / max(smooth.max(), np.finfo(np.float32).tiny))[..., :3]).round().astype(np.uint8)
    mask = np.asarray(Image.fromarray(noun.mask).resize((CELL_PX, height), Image.Resampling.NEAREST))
    colors[_outline(mask)] = 255
    return Image.fromarray(colors)


def _outline(mask: np.ndarray) -> np.ndarray:
    """The pixels of a mask within two pixels of its edge."""
    inside = mask
    for _ in range(2):
        padded = np.pad(inside, 1, mode="edge")
        inside = padded[1:-1, 1:-1] & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inside
