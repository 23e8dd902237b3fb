"""Text that knows where its nouns and attributes are, because it is built from pieces and never searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Formatter

from lightning_compose.data.schema import Phrase

NUMBERS = ("zero", "one", "two", "three", "four", "five")


@dataclass(frozen=True, slots=True)
class Marked:
    """Words that describe mention `owner` of a caption: its noun, or one of its attributes."""

    text: str
    owner: int
    is_noun: bool = False


Fragment = str | Marked
Fragments = list[Fragment]


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A finished caption, and for each mention the phrases of its noun and of its attributes."""

    text: str
    nouns: dict[int, Phrase]
    attributes: dict[int, tuple[Phrase, ...]]


def fill(template: str, slots: Mapping[str, Fragments]) -> Fragments:
    """Put fragments into the ``{slots}`` of a template."""
    fragments: Fragments = []
    for literal, slot, _, _ in Formatter().parse(template):
        fragments.append(literal)
        if slot is not None:
            fragments.extend(slots[slot])
    return fragments


def finish(fragments: Sequence[Fragment], full_stop: bool) -> MarkedText:
    """Join fragments into a caption with a capital letter, and note the spans of what is marked."""
    text = ""
    nouns: dict[int, list[tuple[int, int]]] = {}
    attributes: dict[int, list[tuple[int, int]]] = {}
    for fragment in fragments:
        words = fragment.text if isinstance(fragment, Marked) else fragment
        if isinstance(fragment, Marked):
            spans = nouns if fragment.is_noun else attributes
            spans.setdefault(fragment.owner, []).append((len(text), len(text) + len(words)))
        text += words
    text = text[:1].upper() + text[1:] + ("." if full_stop else "")
    return MarkedText(
        text,
        {owner: Phrase(text[slice(*spans[0])].lower(), tuple(spans)) for owner, spans in nouns.items()},
        {
            owner: tuple(Phrase(text[slice(*span)].lower(), (span,)) for span in spans)
            for owner, spans in attributes.items()
        },
    )


def article(word: str) -> str:
    """Return the indefinite article for a word of the world's vocabulary."""
    return "an" if word[0] in "aeiou" else "a"


def plural(noun: str) -> str:
    """Return the plural of a noun of the world's vocabulary."""
    return noun + "s"


def enumerate_phrases(phrases: Sequence[Fragments]) -> Fragments:
    """Join phrases as in "a circle, a ring and a heart"."""
    joined: Fragments = []
    for index, phrase in enumerate(phrases):
        if index:
            joined.append(" and " if index == len(phrases) - 1 else ", ")
        joined.extend(phrase)
    return joined
