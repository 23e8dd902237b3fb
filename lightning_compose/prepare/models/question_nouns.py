"""The nouns that a caption's questions are about: its decomposition has named them already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lightning_compose.data.schema import Noun, Phrase, Question
from lightning_compose.data.spans import Span
from lightning_compose.prepare.masks.noun_spans import described, united
from lightning_compose.prepare.masks.words import mentions, occurrences
from lightning_compose.prepare.models.noun_finder import NounFinder

NOUN_KINDS = ("entity", "scene")


class QuestionNouns(NounFinder):
    """Find the entities and scenes that questions ask for, and their attributes, where the caption names them."""

    name = "questions"

    def find(self, captions: Sequence[str], questions: Sequence[Sequence[Question]]) -> list[tuple[Noun, ...]]:
        """Return the nouns of each caption; none where it has no questions."""
        return [_find(caption, asked) for caption, asked in zip(captions, questions, strict=True)]


def _find(caption: str, questions: Sequence[Question]) -> tuple[Noun, ...]:
    names = dict.fromkeys(each.arguments[0] for each in questions if each.kind in NOUN_KINDS)
    found = {name: [Noun(form, spans) for form, spans in mentions(caption, name).items()] for name in names}
    name_of = {noun.text: name for name, each in found.items() for noun in each}
    nouns = united(noun for each in found.values() for noun in each)
    phrases: dict[Noun, list[Phrase]] = {noun: [] for noun in nouns}
    for value, about in _attributes(questions).items():
        own = [noun for noun in nouns if name_of[noun.text] in about]
        for noun, place in _places(caption, value, own, nouns):
            phrases[noun].append(Phrase(value, (place,)))
    return tuple(replace(noun, attributes=tuple(sorted(phrases[noun], key=_start))) for noun in nouns)


def _attributes(questions: Sequence[Question]) -> dict[str, set[str]]:
    """Return the names of the nouns that each word describes."""
    attributes: dict[str, set[str]] = {}
    for each in questions:
        if each.kind == "attribute":
            attributes.setdefault(each.arguments[-1], set()).add(each.arguments[0])
    return attributes


def _places(caption: str, value: str, own: Sequence[Noun], nouns: Sequence[Noun]) -> Iterator[tuple[Noun, Span]]:
    all_nouns = [span for noun in nouns for span in noun.spans]
    places = described(occurrences(caption, value), [noun.spans for noun in own], all_nouns)
    return ((noun, place) for noun, place in zip(own, places, strict=True) if place is not None)


def _start(phrase: Phrase) -> Span:
    return phrase.spans[0]
