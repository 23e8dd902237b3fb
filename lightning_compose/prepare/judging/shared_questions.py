"""Questions about two captions of one image, asked together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lightning_compose.data.schema import Question
from lightning_compose.prepare.judging.alignment import in_order


@dataclass(frozen=True, slots=True)
class SharedQuestions:
    """Questions about two captions; what both ask is asked once.

    Args:
        questions: Of both.
        first: Where the first caption's questions are among them.
        second: Where the second caption's are.
    """

    questions: tuple[Question, ...]
    first: tuple[int, ...]
    second: tuple[int, ...]

    def split(self, answers: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the answers to each caption's questions, in the order of those.

        Args:
            answers: One a question of `questions`.
        """
        return tuple(answers[index] for index in self.first), tuple(answers[index] for index in self.second)


def share_questions(first: Sequence[Question], second: Sequence[Question]) -> SharedQuestions:
    """Join the questions about two captions; those of the second get new ids.

    Raises:
        QuestionsError: When the second's questions cannot be asked; see `alignment.in_order`. None of them is fine.
    """
    questions = list(first)
    place: dict[int, int] = {}
    for each in in_order(second) if second else ():
        parents = tuple(questions[place[parent]].id for parent in each.depends_on)
        place[each.id] = _find(questions, each, parents)
        if place[each.id] == len(questions):
            new_id = max((other.id for other in questions), default=-1) + 1
            questions.append(replace(each, id=new_id, depends_on=parents))
    return SharedQuestions(tuple(questions), tuple(range(len(first))), tuple(place[each.id] for each in second))


def _find(questions: Sequence[Question], wanted: Question, parents: tuple[int, ...]) -> int:
    """Return where a question is that asks the same, or where it would be appended."""
    what = (wanted.question, wanted.answer, set(parents))
    same = [index for index, each in enumerate(questions) if (each.question, each.answer, set(each.depends_on)) == what]
    return same[0] if same else len(questions)
