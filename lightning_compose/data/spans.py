"""Where a caption names its nouns, for whoever knows the words but not the places."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lightning_compose.data.schema import SampleError

Span = tuple[int, int]


def find_spans(caption: str, nouns: Sequence[str]) -> list[tuple[Span, ...]]:
    """Find every noun in the caption as whole words, in any case: "man" is not in "woman".

    A noun that is given once gets all of its occurrences. One that is given n times must occur n times, and each
    mention gets one of them, in order.

    Args:
        caption: The caption.
        nouns: Words or groups of words.

    Returns:
        The spans of each noun, as character ranges ``[start, end)``.

    Raises:
        SampleError: With reason ``noun_not_in_caption`` or ``ambiguous_noun``.

    >>> find_spans("a cup on a cup beside the hot dog", ["cup", "hot dog"])
    [((2, 5), (11, 14)), ((26, 33),)]
    """
    names = [noun.casefold() for noun in nouns]
    spans = []
    for place, (noun, name) in enumerate(zip(nouns, names, strict=True)):
        found = _occurrences(caption, noun)
        if names.count(name) > 1:
            found = (_own(found, noun, names[:place].count(name), names.count(name)),)
        spans.append(found)
    return spans


def _occurrences(caption: str, noun: str) -> tuple[Span, ...]:
    pattern = rf"(?<!\w){re.escape(noun)}(?!\w)"
    found = tuple(match.span() for match in re.finditer(pattern, caption, re.IGNORECASE))
    if not found:
        raise SampleError(
            "noun_not_in_caption",
            f"Expected the noun {noun!r} as whole words in the caption {caption!r}, found it nowhere. "
            "Write it as the caption does.",
        )
    return found


def _own(found: tuple[Span, ...], noun: str, mention: int, mentions: int) -> Span:
    if len(found) != mentions:
        raise SampleError(
            "ambiguous_noun",
            f"Expected {noun!r} as often in the caption as in the list of nouns, {mentions} times, found it "
            f"{len(found)} times. List it once for all of them, or once for each.",
        )
    return found[mention]
