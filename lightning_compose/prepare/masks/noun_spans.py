"""Nouns of a caption as a sample has them: one for all mentions of the same words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lightning_compose.data.schema import Noun, Phrase
from lightning_compose.data.spans import Span


def united(nouns: Iterable[Noun]) -> tuple[Noun, ...]:
    """Make one noun of those of the same words, in any case, with all their spans and attributes.

    A mention within a longer noun is none: in "hot dog" there is no dog.

    Args:
        nouns: Of one caption, in any order.

    Returns:
        In the order of the caption.

    >>> united([Noun("Cup", ((0, 3),)), Noun("cup", ((10, 13),))])
    (Noun(text='Cup', spans=((0, 3), (10, 13)), attributes=(), mask=None),)
    """
    nouns = list(nouns)
    spans = {span for noun in nouns for span in noun.spans}
    by_words: dict[str, list[Noun]] = {}
    for noun in sorted(nouns, key=lambda each: each.spans):
        by_words.setdefault(noun.text.casefold(), []).append(noun)
    made = (_united(same, spans) for same in by_words.values())
    return tuple(sorted((noun for noun in made if noun.spans), key=lambda each: each.spans))


def nearest(found: Sequence[Span], noun: Sequence[Span], others: Sequence[Span]) -> Span | None:
    """Return which of the places of an attribute's word describes a noun; None = none does.

    It is the nearest to one of the noun's spans, with no other noun between: of "a red cup and a red ring" the second
    "red" is the ring's.

    Args:
        found: Where the word is.
        noun: Spans of the noun.
        others: Spans of the other nouns.
    """
    gaps = [
        (_gap(place, mention), place)
        for place in found
        if not _overlaps(place, (*noun, *others))
        for mention in noun
        if not _overlaps(_between(place, mention), others)
    ]
    return min(gaps)[1] if gaps else None


def _united(same: Sequence[Noun], all_spans: Iterable[Span]) -> Noun:
    spans = {span for noun in same for span in noun.spans}
    own = sorted(span for span in spans if not any(_within(span, other) for other in all_spans))
    attributes: dict[Phrase, None] = dict.fromkeys(each for noun in same for each in noun.attributes)
    return Noun(same[0].text, tuple(own), tuple(attributes))


def _within(span: Span, other: Span) -> bool:
    return span != other and other[0] <= span[0] and span[1] <= other[1]


def _between(first: Span, second: Span) -> Span:
    return min(first[1], second[1]), max(first[0], second[0])


def _gap(first: Span, second: Span) -> int:
    start, end = _between(first, second)
    return end - start


def _overlaps(span: Span, others: Iterable[Span]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in others)
