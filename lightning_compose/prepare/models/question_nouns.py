"""The nouns that a caption's questions are about: its decomposition has named them already."""

from __future__ import annotations

from collections.abc import Sequence

from lightning_compose.data.schema import Noun, Phrase, Question
from lightning_compose.data.spans import Span
from lightning_compose.prepare.masks.noun_spans import nearest, united
from lightning_compose.prepare.masks.words import mentions, occurrences
from lightning_compose.prepare.models.noun_finder import NounFinder

NOUN_KINDS = ("entity", "scene")
Attribute = tuple[str, str]


class QuestionNouns(NounFinder):
    """Find the entities and scenes that questions ask for, and their attributes, where the caption names them."""

    name = "questions"

    def find(self, captions: Sequence[str], questions: Sequence[Sequence[Question]]) -> list[tuple[Noun, ...]]:
        """Return the nouns of each caption; none where it has no questions."""
        return [_find(caption, asked) for caption, asked in zip(captions, questions, strict=True)]


def _find(caption: str, questions: Sequence[Question]) -> tuple[Noun, ...]:
    names = dict.fromkeys(each.arguments[0] for each in questions if each.kind in NOUN_KINDS)
    attributes = {(each.arguments[0], each.arguments[-1]) for each in questions if each.kind == "attribute"}
    found = {name: [Noun(form, spans) for form, spans in mentions(caption, name).items()] for name in names}
    nouns = united(noun for each in found.values() for noun in each)
    of_name = {noun.text: name for name, each in found.items() for noun in each}
    return tuple(_described(caption, noun, of_name[noun.text], nouns, attributes) for noun in nouns)


def _described(caption: str, noun: Noun, name: str, nouns: Sequence[Noun], attributes: set[Attribute]) -> Noun:
    others = [span for other in nouns if other is not noun for span in other.spans]
    places = {
        place: value
        for about, value in attributes
        if about == name and (place := _place(caption, value, noun.spans, others)) is not None
    }
    phrases = tuple(Phrase(value, (place,)) for place, value in sorted(places.items()))
    return Noun(noun.text, noun.spans, phrases)


def _place(caption: str, value: str, noun: Sequence[Span], others: Sequence[Span]) -> Span | None:
    return nearest(occurrences(caption, value), noun, others)
