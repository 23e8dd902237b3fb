"""What the rows say was computed for them: the cost as it can be counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lightning_compose.data.schema import Question
from lightning_compose.prepare.judging.alignment import UNASKED
from lightning_compose.prepare.judging.shared_questions import share_questions
from lightning_compose.prepare.report.found import Found
from lightning_compose.prepare.rows import NegativeJudged, NegativesRow


def work_done(found: Found) -> dict[str, int]:
    """Return counts by what was counted, those that are 0 left out.

    Answers are those in the rows: what was asked about a prompt before its correction is not in them.
    """
    positives = [each for row in found.verified for each in row.candidates]
    negatives = [each for row in found.negatives for each in row.candidates]
    edited = [each for row in found.negatives if row.method == "edited" for each in row.candidates]
    nouns = [noun for row in found.masks for noun in row.nouns]
    counts = {
        **_of_writer(found.writing),
        "images of prompts": sum(len(row.images) for row in found.candidates),
        "images of negative prompts": len(negatives) - len(edited),
        "edited images": len(edited),
        "answers about images": _given(each.answers for each in positives) + _of_negatives(found),
        "scores of image and caption": len(positives),
        "nouns looked for": len(nouns),
        "nouns with a mask": sum(noun.mask is not None for noun in nouns),
    }
    return {what: count for what, count in counts.items() if count}


def models(found: Found) -> dict[str, list[str]]:
    """Return the names of the models in the rows, by role."""
    named: dict[str, set[str]] = {
        "writer": {row.model for row in found.prompts},
        "painter": {row.model for row in found.candidates},
    }
    for of_row in (row.models for rows in (found.verified, found.negatives, found.masks) for row in rows):
        for role, name in of_row.items():
            named.setdefault(role, set()).add(name)
    return {role: sorted(names) for role, names in sorted(named.items()) if names}


def _of_writer(writing: Mapping[str, Mapping[str, int]] | None) -> dict[str, int]:
    happened = writing["writer"] if writing else {}
    return {f"writer: {what.replace('_', ' ')}": count for what, count in sorted(happened.items())}


def _of_negatives(found: Found) -> int:
    questions = {row.key: row.questions for row in found.verified}
    rows = [row for row in found.negatives if row.key in questions]
    return sum(_given(_both(row, each, questions[row.key]) for each in row.candidates) for row in rows)


def _both(row: NegativesRow, judged: NegativeJudged, questions: tuple[Question, ...]) -> Iterable[str]:
    """Return the answers about both captions; what both ask was asked once."""
    shared = share_questions(questions, row.own_questions)
    places = (*shared.first, *shared.second)
    return dict(zip(places, (*judged.answers, *judged.own_answers), strict=True)).values()


def _given(answers: Iterable[Iterable[str]]) -> int:
    return sum(answer != UNASKED for each in answers for answer in each)
