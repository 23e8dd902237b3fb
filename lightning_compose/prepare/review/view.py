"""A pair as HTML: both images with their captions; nothing in it says which is the positive."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from lightning_compose.data.masks import decode_mask
from lightning_compose.prepare.image_files import encoded, upright
from lightning_compose.prepare.review.difference import with_marks
from lightning_compose.prepare.review.pairs import Pair
from lightning_compose.prepare.review.votes import Side
from lightning_compose.prepare.rows import MaskedNoun

BOTH = "Does each image show its own caption, and not the other one's?"
ONE = "Does the image show its caption?"
FINISHED = "That was the last one. Thank you!"
# Okabe and Ito's: told apart by people who see colors differently, too.
COLORS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (213, 94, 0), (204, 121, 167))
TINT = 0.5
STYLE = """
#view .pictures { display: flex; gap: 2em; justify-content: center }
#view figure { margin: 0; width: min(45%, 512px) }
#view img { width: 100%; image-rendering: pixelated }
#view figcaption { font-size: 1.2em; margin-top: .5em }
#view mark { background: #ffe08a; color: #000; border-radius: .2em; padding: 0 .1em }
#view .bar { background: #ddd; border-radius: .3em }
#view .bar div { background: #4878a8; border-radius: .3em; height: .6em }
#view .question, #view .nouns { text-align: center }
#view .noun { border-bottom: .3em solid; margin: 0 .5em }
"""


def pair_view(pair: Pair, left: Side, with_masks: bool) -> str:
    """Return a question and what it is about.

    Args:
        pair: What is shown.
        left: Which image is on the left.
        with_masks: Whether the masks of its nouns lie over the positive, which tells it from the negative.
    """
    positive = _figure(_positive(pair, with_masks), with_marks(pair.caption, pair.negative_caption or pair.caption))
    figures = [positive]
    if pair.negative is not None and pair.negative_caption is not None:
        negative = _figure(_source(pair.negative), with_marks(pair.negative_caption, pair.caption))
        figures = [positive, negative] if left == "positive" else [negative, positive]
    question = ONE if len(figures) == 1 else BOTH
    nouns = f'<p class="nouns">{_legend(pair)}</p>' if with_masks else ""
    return f'<p class="question">{question}</p><div class="pictures">{"".join(figures)}</div>{nouns}'


def progress(done: int, of: int) -> str:
    """Return a bar, and the numbers.

    Args:
        done: Pairs.
        of: At least 1.
    """
    return f'<div class="bar"><div style="width: {done / of:.1%}"></div></div><p class="done">{done} of {of}</p>'


def _figure(source: str, caption: str) -> str:
    return f'<figure><img src="{source}" alt=""><figcaption>{caption}</figcaption></figure>'


def _positive(pair: Pair, with_masks: bool) -> str:
    return _masked(pair) if with_masks and any(noun.mask for noun in pair.nouns) else _source(pair.positive)


def _source(file: Path) -> str:
    # In the page, not beside it: the address of an image would tell what it is.
    image = encoded(file)
    return _uri(image.suffix, image.data)


def _masked(pair: Pair) -> str:
    pixels = np.asarray(upright(pair.positive), dtype=np.float32)
    for noun, color in _colored(pair):
        if noun.mask is not None:
            mask = decode_mask(noun.mask)[:, :, None]
            pixels = np.where(mask, (1 - TINT) * pixels + TINT * np.array(color, np.float32), pixels)
    buffer = io.BytesIO()
    Image.fromarray(pixels.round().astype(np.uint8)).save(buffer, "PNG")
    return _uri("png", buffer.getvalue())


def _legend(pair: Pair) -> str:
    told = [
        f'<span class="noun" style="border-color: rgb{color}">{escape(noun.text)}</span>'
        if noun.mask is not None
        else f"<span>{escape(noun.text)}: not found</span>"
        for noun, color in _colored(pair)
    ]
    return " ".join(told) or "There are no masks."


def _colored(pair: Pair) -> list[tuple[MaskedNoun, tuple[int, int, int]]]:
    return [(noun, COLORS[number % len(COLORS)]) for number, noun in enumerate(pair.nouns)]


def _uri(suffix: str, data: bytes) -> str:
    return f"data:image/{suffix.replace('jpg', 'jpeg')};base64,{base64.b64encode(data).decode()}"
