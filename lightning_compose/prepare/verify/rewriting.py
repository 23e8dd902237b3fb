"""Whether a corrected caption still is the old one: our rule, the paper only says that it keeps the description."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lightning_compose.data.schema import Question

WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")


def keeps_description(old: str, new: str, questions: Sequence[Question], right: Sequence[bool]) -> bool:
    """Whether a corrected caption keeps what was right in the old one.

    One noun at least was seen; and every word of the old caption that a rightly answered question is about, be it a
    noun, an attribute or a place, is a word of the new one, in the singular or the plural. The words of relations and
    numbers may change: they are often said in other words.

    Args:
        old: The caption before.
        new: The caption after.
        questions: About the old caption.
        right: Which of them the image answers rightly.
    """
    stated = [each for each, is_right in zip(questions, right, strict=True) if is_right]
    if all(each.kind != "entity" for each in stated):
        return False
    subjects = {word for each in stated if each.kind != "relation" for text in each.arguments for word in _words(text)}
    return (_words(old) & subjects) <= _words(new)


def same_description(first: str, second: str) -> bool:
    """Whether two captions have the same words in the same order, but for case, punctuation and articles."""
    return _sequence(first) == _sequence(second)


def _words(text: str) -> set[str]:
    return {_singular(word) for word in WORD.findall(text.casefold())}


def _sequence(text: str) -> list[str]:
    return [word for word in WORD.findall(text.casefold()) if word not in ("a", "an", "the")]


def _singular(word: str) -> str:
    # "circle" and "circles", "glass" and "glasses": both sides go through it, so an odd stem does no harm.
    stem = word.removesuffix("s") if not word.endswith("ss") else word
    return stem.removesuffix("e")
