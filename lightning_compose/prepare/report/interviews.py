"""What was answered about an image, as HTML: wrong answers red."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from lightning_compose.data.schema import Question
from lightning_compose.prepare.judging.alignment import UNASKED, right_answers


def interview_list(questions: Sequence[Question], answers: Sequence[str]) -> str:
    """Return the questions as a list, each with its answer, and with the expected one where that is another."""
    if not questions:
        return ""
    right = right_answers(questions, answers)
    lines = (_line(*each) for each in zip(questions, answers, right, strict=True))
    return f"<ul>{''.join(lines)}</ul>"


def _line(question: Question, answer: str, right: bool) -> str:
    asked = escape(question.question)
    if answer == UNASKED:
        return f'<li class="unasked">{asked} not asked</li>'
    if right:
        return f"<li>{asked} {escape(answer)}</li>"
    return f'<li>{asked} <span class="wrong">{escape(answer)}</span>, expected {escape(question.answer)}</li>'
