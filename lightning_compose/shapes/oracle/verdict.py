"""From a reading to the answers of a prompt's questions, and to whether the image shows what the prompt asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from lightning_compose.data.schema import Question
from lightning_compose.shapes.oracle.appearance import appears
from lightning_compose.shapes.oracle.reading import Reading
from lightning_compose.shapes.questions import answer_from


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an image answers, a question each, and which answers are right; see `judge`."""

    answers: tuple[str, ...]
    right: tuple[bool, ...]

    @property
    def correct(self) -> bool:
        """Whether all answers are right."""
        return all(self.right)


def answer(reading: Reading, question: Question) -> str:
    """Answer a question, of a kind that `questions.KINDS` has, from what an image was seen to show."""
    return answer_from(reading.items, reading.background, partial(appears, reading.items), question)


def judge(reading: Reading, questions: Sequence[Question]) -> Verdict:
    """Compare an image's answers with those expected.

    A question counts as right only where those that it depends on are: no relation between objects that are not there
    (Cho et al., 2024, "Davidsonian Scene Graph").

    Args:
        reading: What the image shows.
        questions: Of one prompt; those that others depend on come first.

    Raises:
        ValueError: When a question depends on one that does not come before it.
    """
    answers = tuple(answer(reading, question) for question in questions)
    right: dict[int, bool] = {}
    for question, given in zip(questions, answers, strict=True):
        missing = [parent for parent in question.depends_on if parent not in right]
        if missing:
            raise ValueError(
                f"Expected question {question.id} to depend on questions before it, got {missing}. Sort the questions."
            )
        right[question.id] = given == question.answer and all(right[parent] for parent in question.depends_on)
    return Verdict(answers, tuple(right[question.id] for question in questions))
