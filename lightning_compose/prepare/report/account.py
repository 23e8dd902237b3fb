"""Kept images held against the truth: what a judge's errors cost, and its absence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from PIL.Image import Image

from lightning_compose.data.schema import Question
from lightning_compose.prepare.judging.choice import best_score, nearest
from lightning_compose.prepare.models.truth import Truth
from lightning_compose.prepare.rows import NegativesRow, VerifiedRow

OpenImage = Callable[[str], Image]
Asked = tuple[Sequence[Question], str]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of some images are what they were kept for."""

    true: int
    of: int

    @property
    def share(self) -> float | None:
        """In [0, 1]; None where there are no images."""
        return self.true / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class Account:
    """Kept images that are what they should be: positives that match their caption, negatives that do not.

    Args:
        positives: Kept for their prompt by the judge.
        positives_rewritten: Kept for a corrected caption.
        positives_by_score: What the score alone would keep of the same candidates as `positives`.
        all_by_score: What the score alone would keep of all prompts that were not rewritten, with no rejection.
        negatives: Kept by the judge.
        negatives_shown: Of `negatives`, where their own caption's questions are known: those that show it, too.
        negatives_by_similarity: What similarity alone would keep of the same candidates as `negatives`.
    """

    positives: Tally
    positives_rewritten: Tally
    positives_by_score: Tally
    all_by_score: Tally
    negatives: Tally
    negatives_shown: Tally
    negatives_by_similarity: Tally


def tell_truth(
    verified: Sequence[VerifiedRow], negatives: Sequence[NegativesRow], open_image: OpenImage, truth: Truth
) -> Account:
    """Compare what was kept with the truth.

    Args:
        verified: All or some.
        negatives: Of the same keys; more or fewer do no harm.
        open_image: From a path in the workspace.
        truth: Knows what the images show.
    """
    prompts = [row for row in verified if not row.rewritten]
    kept = [row for row in prompts if row.chosen is not None]
    rewritten = [row for row in verified if row.rewritten and row.chosen is not None]
    pairs = _pairs(verified, negatives)

    def matching(choices: Iterable[tuple[VerifiedRow, int | None]]) -> Tally:
        asked = [(row.questions, row.candidates[index].image) for row, index in choices if index is not None]
        return _tally(asked, open_image, truth, expected=True)

    def violating(choices: Iterable[tuple[Sequence[Question], NegativesRow, int | None]]) -> Tally:
        asked = [(questions, row.candidates[index].image) for questions, row, index in choices if index is not None]
        return _tally(asked, open_image, truth, expected=False)

    return Account(
        matching((row, row.chosen) for row in kept),
        matching((row, row.chosen) for row in rewritten),
        matching((row, best_score(row.candidates)) for row in kept),
        matching((row, best_score(row.candidates)) for row in prompts),
        violating((asked, row, row.chosen) for asked, row in pairs),
        _tally(_own(pairs), open_image, truth, expected=True),
        violating((asked, row, nearest(row.candidates)) for asked, row in pairs),
    )


def _pairs(
    verified: Sequence[VerifiedRow], negatives: Sequence[NegativesRow]
) -> list[tuple[Sequence[Question], NegativesRow]]:
    questions = {row.key: row.questions for row in verified}
    return [(questions[row.key], row) for row in negatives if row.chosen is not None and row.key in questions]


def _own(pairs: Sequence[tuple[Sequence[Question], NegativesRow]]) -> list[Asked]:
    return [
        (row.own_questions, row.candidates[row.chosen].image)
        for _, row in pairs
        if row.own_questions and row.chosen is not None
    ]


def _tally(asked: Sequence[Asked], open_image: OpenImage, truth: Truth, expected: bool) -> Tally:
    # An image at a time: those of a large set do not fit into memory.
    outcomes = [truth.shows([open_image(image)], [questions])[0] for questions, image in asked]
    return Tally(outcomes.count(expected), len(outcomes))
