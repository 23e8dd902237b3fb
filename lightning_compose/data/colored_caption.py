"""A caption with its nouns in the colours of their masks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lightning_compose.data.colored_text import Word
from lightning_compose.data.overlay import mask_color
from lightning_compose.data.schema import Noun


def caption_words(caption: str, nouns: Sequence[Noun]) -> list[Word]:
    """Split a caption into words, those of a noun with a mask in the mask's colour."""
    masked = [noun for noun in nouns if noun.mask is not None]
    return [_word(caption, masked, *match.span()) for match in re.finditer(r"\S+", caption)]


def _word(caption: str, nouns: Sequence[Noun], start: int, end: int) -> Word:
    for noun in nouns:
        ends = [noun_end for noun_start, noun_end in noun.spans if start < noun_end and noun_start < end]
        if ends:
            cut = min(end, ends[-1])
            return Word(caption[start:cut], mask_color(noun.mask or 0), caption[cut:end])
    return Word(caption[start:end])
