"""What the oracle without faults says of pairs that were kept: what a judge's errors cost, and its absence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from PIL.Image import Image

from lightning_compose.data.schema import Question
from lightning_compose.prepare.judging.choice import best_score, nearest
from lightning_compose.prepare.rows import NegativesRow, VerifiedRow
from lightning_compose.shapes.oracle.verdict import judge
from lightning_compose.shapes.preparing.looking import look

OpenImage = Callable[[str], Image]


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
class Truth:
    """Kept images that are what they should be: positives that match their caption, negatives that do not.

    Args:
        positives: Kept for their prompt by the judge.
        positives_rewritten: Kept for a corrected caption.
        positives_by_score: What CLIP alone would keep of the same candidates as `positives`.
        all_by_score: What CLIP alone would keep of all prompts that were not rewritten, with no rejection.
        negatives: Kept by the judge.
        negatives_by_similarity: What similarity alone would keep of the same candidates as `negatives`.
    """

    positives: Tally
    positives_rewritten: Tally
    positives_by_score: Tally
    all_by_score: Tally
    negatives: Tally
    negatives_by_similarity: Tally


def tell_truth(verified: Sequence[VerifiedRow], negatives: Sequence[NegativesRow], open_image: OpenImage) -> Truth:
    """Compare what was kept with the truth.

    Args:
        verified: Of the embedded world, all or some.
        negatives: Of the same keys; more or fewer do no harm.
        open_image: From a path in the workspace.
    """
    prompts = [row for row in verified if not row.rewritten]
    kept = [row for row in prompts if row.chosen is not None]
    rewritten = [row for row in verified if row.rewritten and row.chosen is not None]
    pairs = _pairs(verified, negatives)
    return Truth(
        _matching(((row, row.chosen) for row in kept), open_image),
        _matching(((row, row.chosen) for row in rewritten), open_image),
        _matching(((row, best_score(row.candidates)) for row in kept), open_image),
        _matching(((row, best_score(row.candidates)) for row in prompts), open_image),
        _violating(((asked, row, row.chosen) for asked, row in pairs), open_image),
        _violating(((asked, row, nearest(row.candidates)) for asked, row in pairs), open_image),
    )


def _pairs(
    verified: Sequence[VerifiedRow], negatives: Sequence[NegativesRow]
) -> list[tuple[Sequence[Question], NegativesRow]]:
    questions = {row.key: row.questions for row in verified}
    return [(questions[row.key], row) for row in negatives if row.chosen is not None and row.key in questions]


def _matching(choices: Iterable[tuple[VerifiedRow, int | None]], open_image: OpenImage) -> Tally:
    chosen = [(row.questions, row.candidates[index].image) for row, index in choices if index is not None]
    return _tally([_matches(open_image(image), questions) for questions, image in chosen])


def _violating(choices: Iterable[tuple[Sequence[Question], NegativesRow, int | None]], open_image: OpenImage) -> Tally:
    chosen = [(questions, row.candidates[index].image) for questions, row, index in choices if index is not None]
    return _tally([not _matches(open_image(image), questions) for questions, image in chosen])


def _matches(image: Image, questions: Sequence[Question]) -> bool:
    return judge(look(image), questions).correct


def _tally(outcomes: Sequence[bool]) -> Tally:
    return Tally(sum(outcomes), len(outcomes))
