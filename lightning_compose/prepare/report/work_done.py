"""What the rows say was computed for them: the cost as it can be counted."""

from __future__ import annotations

from collections.abc import Mapping

from lightning_compose.prepare.judging.alignment import UNASKED
from lightning_compose.prepare.report.found import Found
from lightning_compose.prepare.rows import Judged, NegativeJudged


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
        "answers about images": sum(map(_answers, (*positives, *negatives))),
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
    for row in (*found.verified, *found.negatives, *found.masks):
        for role, name in row.models.items():
            named.setdefault(role, set()).add(name)
    return {role: sorted(names) for role, names in sorted(named.items()) if names}


def _of_writer(writing: Mapping[str, Mapping[str, int]] | None) -> dict[str, int]:
    happened = writing["writer"] if writing else {}
    return {f"writer: {what.replace('_', ' ')}": count for what, count in sorted(happened.items())}


def _answers(judged: Judged | NegativeJudged) -> int:
    return sum(answer != UNASKED for answer in judged.answers)
