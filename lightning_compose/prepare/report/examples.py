"""Single prompts to look at: their images, what the judge answered, why they were left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lightning_compose.prepare.judging.choice import best_score, nearest, nearest_violating, nearly_right
from lightning_compose.prepare.prompts.selection import Rejected
from lightning_compose.prepare.report.account import OpenImage
from lightning_compose.prepare.report.choices import differing
from lightning_compose.prepare.report.html import paragraph, section, table, thumbnail
from lightning_compose.prepare.report.interviews import interview_list
from lightning_compose.prepare.result import Result
from lightning_compose.prepare.rows import Judged, NegativeJudged, NegativesRow, VerifiedRow
from lightning_compose.seeding import generator

Each = TypeVar("Each")


@dataclass(frozen=True, slots=True)
class Examples:
    """Shows examples of what is in a workspace.

    Args:
        count: Of each kind, at most.
        seed: Of which.
        open_image: From a path in the workspace.
    """

    count: int
    seed: int
    open_image: OpenImage

    def of_choices(self, verified: Sequence[VerifiedRow]) -> str:
        """Show prompts whose positive is not what the score alone would keep."""
        return _side_by_side(self._choice(row) for row in self._some(differing(verified), "choices"))

    def of_drafts(self, rejected: Sequence[Rejected]) -> str:
        """Show drafts that became no prompts, by reason."""
        groups = _by_reason((each.reason, each) for each in rejected)
        shown = [each for reason, drafts in groups.items() for each in self._some(drafts, reason)]
        header = ("reason", "prompt", "negative prompt", "repeats")
        rows = [(each.reason, each.prompt, each.negative_prompt, each.repeats or "") for each in shown]
        return section("Drafts that became no prompts", table([header, *rows])) if rows else ""

    def of_left_out(self, left_out: Sequence[tuple[str, Result]]) -> str:
        """Show prompts that became no pairs, by reason, each with the image that came nearest."""
        parts = [
            section(
                f"Left out: {reason} ({len(results)})",
                _side_by_side(self._left_out(each) for each in self._some(results, reason)),
            )
            for reason, results in _by_reason(left_out).items()
        ]
        return "\n".join(parts)

    def _some(self, rows: Sequence[Each], kind: str) -> list[Each]:
        chosen = generator(self.seed, f"prepare/report/{kind}").permutation(len(rows))[: self.count]
        return [rows[index] for index in sorted(chosen)]

    def _choice(self, row: VerifiedRow) -> str:
        kept, by_score = row.chosen, best_score(row.candidates)
        if kept is None or by_score is None:
            raise ValueError(f"Expected row {row.key!r} to have a positive, got none. Leave it out.")
        other = row.candidates[by_score]
        pictures = {"kept": row.candidates[kept].image, "by the score alone": other.image}
        return self._example(row.caption, pictures, interview_list(row.questions, other.answers))

    def _left_out(self, result: Result) -> str:
        if result.positive is None:
            return self._without_positive(result.verified)
        if result.negatives is None or not result.negatives.candidates:
            return self._example(result.verified.caption, {"positive": result.positive.image})
        return self._without_negative(result.verified, result.positive, result.negatives)

    def _without_positive(self, verified: VerifiedRow) -> str:
        if not verified.candidates:
            return self._example(verified.caption, {})
        closest = verified.candidates[nearly_right(verified.candidates)]
        answered = interview_list(verified.questions, closest.answers)
        return self._example(verified.caption, {"most answers right": closest.image}, answered)

    def _without_negative(self, verified: VerifiedRow, positive: Judged, negatives: NegativesRow) -> str:
        candidate = _closest(negatives)
        pictures = {"positive": positive.image, f"for: {negatives.caption}": candidate.image}
        told = interview_list(verified.questions, candidate.answers)
        if negatives.own_questions:
            told += paragraph("For its own caption:") + interview_list(negatives.own_questions, candidate.own_answers)
        return self._example(verified.caption, pictures, told)

    def _example(self, caption: str, pictures: Mapping[str, str], told: str = "") -> str:
        drawn = "".join(thumbnail(self.open_image(path), what) for what, path in pictures.items())
        return f'<div class="example"><div class="pictures">{drawn}</div>{paragraph(caption)}{told}</div>'


def _closest(negatives: NegativesRow) -> NegativeJudged:
    """Return the negative, or what would be it under milder rules."""
    rules = (negatives.chosen, nearest_violating(negatives.candidates, shows_own=False), nearest(negatives.candidates))
    return negatives.candidates[next(index for index in rules if index is not None)]


def _side_by_side(examples: Iterable[str]) -> str:
    return f'<div class="examples">{"".join(examples)}</div>'


def _by_reason(reasons: Iterable[tuple[str, Each]]) -> dict[str, list[Each]]:
    found: defaultdict[str, list[Each]] = defaultdict(list)
    for reason, each in reasons:
        found[reason].append(each)
    return dict(sorted(found.items()))
