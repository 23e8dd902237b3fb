"""Which candidate is kept, by the judge and without it; of equals the first."""

from __future__ import annotations

from collections.abc import Sequence

from lightning_compose.prepare.rows import Judged, NegativeJudged


def best_success(candidates: Sequence[Judged]) -> int | None:
    """Return the success with the highest score: what is kept; None when there is no success."""
    return _first_best([each.score if each.success else None for each in candidates])


def best_score(candidates: Sequence[Judged]) -> int | None:
    """Return the candidate with the highest score, a success or not: what CLIP alone would keep."""
    return _first_best([each.score for each in candidates])


def nearly_right(candidates: Sequence[Judged]) -> int:
    """Return the candidate, of one at least, with most right answers, of several the one with the highest score."""
    return max(range(len(candidates)), key=lambda index: (candidates[index].alignment, candidates[index].score))


def nearest_violating(candidates: Sequence[NegativeJudged], shows_own: bool) -> int | None:
    """Return the most similar candidate that violates the caption: what is kept; None when none does.

    Args:
        candidates: For the negative.
        shows_own: Whether it must show its own caption, too, where anybody asked.
    """
    allowed = [each.violates and not (shows_own and each.shows_own is False) for each in candidates]
    return _first_best([each.similarity if fine else None for each, fine in zip(candidates, allowed, strict=True)])


def nearest(candidates: Sequence[NegativeJudged]) -> int | None:
    """Return the most similar candidate, violating or not: what similarity alone would keep."""
    return _first_best([each.similarity for each in candidates])


def _first_best(values: Sequence[float | None]) -> int | None:
    allowed = {index: value for index, value in enumerate(values) if value is not None}
    return max(allowed, key=allowed.__getitem__, default=None)
