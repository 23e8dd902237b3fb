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


def described(places: Sequence[Span], nouns: Sequence[Sequence[Span]], all_nouns: Sequence[Span]) -> list[Span | None]:
    """Return which of the places of a word describes each of the nouns that it is said to describe; None = none does.

    Of as many places as nouns each noun has the one that comes in its turn: in "a red cup and a red ring" the second
    "red" is the ring's. Else it is the nearest. It never is a place with another noun between.

    Args:
        places: Where the word is, in the order of the caption.
        nouns: Spans of each noun that it describes, in the order of the caption.
        all_nouns: Spans of these and of all others.

    >>> described([(2, 5), (16, 19)], [[(6, 9)], [(20, 24)]], [(6, 9), (20, 24)])
    [(2, 5), (16, 19)]
    """
    free = [place for place in places if not _overlaps(place, all_nouns)]
    turns = [[each] for each in free] if len(free) == len(nouns) else [free] * len(nouns)
    return [_nearest(own, noun, all_nouns) for own, noun in zip(turns, nouns, strict=True)]


def _nearest(places: Sequence[Span], noun: Sequence[Span], all_nouns: Sequence[Span]) -> Span | None:
    gaps = [
        (_gap(place, mention), place)
        for place in places
        for mention in noun
        if not _overlaps(_between(place, mention), all_nouns)
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
