"""From answers to whether an image shows what its caption states.

Questions depend on each other as in a Davidsonian scene graph (Cho et al., 2024): an attribute of what is not there is
wrong, whatever was answered.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence

from lightning_compose.data.schema import Question

# The answer of a question that was not asked, because one that it depends on was answered wrongly.
UNASKED = ""
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
DIGITS = {name: str(value) for value, name in enumerate(NUMBERS)}
YES_OR_NO = ("yes", "no")


class QuestionsError(ValueError):
    """Questions that cannot be asked: none, two of one id, or a dependency that leads nowhere."""


def in_order(questions: Sequence[Question]) -> tuple[Question, ...]:
    """Return the questions, each after those it depends on, and else as they came.

    Raises:
        QuestionsError: When there is none, two have one id, or a dependency is unknown or runs in a circle.
    """
    _require_ids(questions)
    ordered: dict[int, Question] = {}
    waiting = list(questions)
    while waiting:
        ready = next((each for each in waiting if all(parent in ordered for parent in each.depends_on)), None)
        if ready is None:
            raise QuestionsError(
                "Expected questions to depend on others without a circle, "
                f"got one among questions {[each.id for each in waiting]}. Remove a dependency."
            )
        ordered[ready.id] = ready
        waiting.remove(ready)
    return tuple(ordered.values())


def askable(questions: Sequence[Question], given: Mapping[int, str]) -> tuple[Question, ...]:
    """Return the questions without an answer whose parents were all answered rightly.

    Args:
        questions: Of one image.
        given: The answers so far, by the id of the question.
    """
    settled = {each.id for each in questions if each.id in given and is_answer(given[each.id], each.answer)}
    return tuple(each for each in questions if each.id not in given and settled.issuperset(each.depends_on))


def right_answers(questions: Sequence[Question], answers: Sequence[str]) -> tuple[bool, ...]:
    """Return which answers count as right: those that are, to a question whose parents' answers count as right.

    Args:
        questions: Of one image.
        answers: One a question, in the same order.

    Raises:
        QuestionsError: See `in_order`.
    """
    given = {each.id: answer for each, answer in zip(questions, answers, strict=True)}
    right: dict[int, bool] = {}
    for each in in_order(questions):
        right[each.id] = is_answer(given[each.id], each.answer) and all(right[parent] for parent in each.depends_on)
    return tuple(right[each.id] for each in questions)


def alignment(right: Sequence[bool]) -> float:
    """Return the share of right answers, in [0, 1]."""
    return sum(right) / len(right)


def is_success(right: Sequence[bool], category: str, least_alignment: Mapping[str, float]) -> bool:
    """Whether an image shows what its caption states.

    Args:
        right: Which answers count as right.
        category: Of the prompt.
        least_alignment: The share that is enough, in [0, 1], by category; in one that is not named all must be right.
            The paper's theta_align.
    """
    return all(right) or alignment(right) >= least_alignment.get(category, 1.0)


def is_violation(right_of_positive: Sequence[bool], right: Sequence[bool]) -> bool:
    """Whether an image answers a question wrongly that the positive image answers rightly."""
    return any(positive and not own for positive, own in zip(right_of_positive, right, strict=True))


def is_answer(given: str, expected: str) -> bool:
    """Whether an answer says what is expected: "Yes, there is." says "yes", and "Two." says "2"."""
    return _plain(given, expected) == _plain(expected, expected)


def _plain(answer: str, expected: str) -> list[str]:
    spaced = answer.casefold().translate(str.maketrans(string.punctuation, " " * len(string.punctuation)))
    words = [DIGITS.get(word, word) for word in spaced.split()]
    if expected in YES_OR_NO:
        return words[:1]
    return [word for word in words if word.isdecimal()] if expected.isdecimal() else words


def _require_ids(questions: Sequence[Question]) -> None:
    ids = [each.id for each in questions]
    if not ids or len(set(ids)) < len(ids):
        raise QuestionsError(f"Expected questions, each with an id of its own, got ids {ids}. Number them.")
    for each in questions:
        unknown = [parent for parent in each.depends_on if parent not in ids]
        if unknown:
            raise QuestionsError(
                f"Expected question {each.id} to depend on questions among {ids}, got {unknown}. Ask those, too."
            )
