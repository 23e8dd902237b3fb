"""What the judge's answers change in the choice of images, beside a choice by the score alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from lightning_compose.prepare.judging.choice import best_score
from lightning_compose.prepare.report.account import Account, Tally
from lightning_compose.prepare.rows import Judged, VerifiedRow


@dataclass(frozen=True, slots=True)
class Agreement:
    """The judge's choice and the score's, over prompts that it judged in their own words.

    Args:
        prompts: With candidates.
        kept: Of them with a positive.
        same: Of `kept`, those whose positive is the score's choice, too.
        alignment: Mean of the positives; None = there are none.
        alignment_by_score: Mean of the score's choices for the same prompts.
        successes_by_score: Of `prompts`, those whose image with the best score is a success to the judge.
    """

    prompts: int
    kept: int
    same: int
    alignment: float | None
    alignment_by_score: float | None
    successes_by_score: int


def agreement(verified: Sequence[VerifiedRow]) -> Agreement:
    """Compare the choices."""
    prompts = _own_words(verified)
    kept = [row for row in prompts if row.chosen is not None]
    return Agreement(
        len(prompts),
        len(kept),
        sum(row.chosen == best_score(row.candidates) for row in kept),
        _mean([row.candidates[row.chosen].alignment for row in kept if row.chosen is not None]),
        _mean([_best(row).alignment for row in kept]),
        sum(_best(row).success for row in prompts),
    )


def differing(verified: Sequence[VerifiedRow]) -> list[VerifiedRow]:
    """Return the rows whose positive is not what the score alone would keep."""
    return [row for row in _own_words(verified) if row.chosen not in (None, best_score(row.candidates))]


def conclusion(account: Account) -> str:
    """Say whether the judge's answers make the positives better than the score alone, and if not, why.

    >>> same = Tally(1, 2)
    >>> conclusion(Account(same, same, same, same, same, same, same))[:51]
    'The judge makes no difference here: with and withou'
    """
    judged, scored, everything = account.positives, account.positives_by_score, account.all_by_score
    if judged.share is None or scored.share is None or everything.share is None:
        return "No prompt has a positive for its own words: there is nothing to compare."
    told = f"{_told(judged)} of the kept positives match their captions; by the score alone {_told(scored)} of the same"
    told += f" prompts, and {_told(everything)} where it takes an image of every prompt"
    if judged.true > scored.true:
        return f"The judge's answers are worth having: {told}."
    if judged.true == scored.true:
        return (
            f"The judge makes no difference here: with and without its answers {judged.true} of {judged.of} match. "
            f"What it does is to reject prompts: {told}."
        )
    return (
        f"The judge's answers do harm here: {told}. It calls wrong images right, or right ones wrong, more often than "
        "the score does. Take a better judge, or more questions a prompt."
    )


def account_rows(account: Account, judge: str) -> list[tuple[tuple[str, str], float]]:
    """Return what to tell of each tally, and its share."""
    told = {
        f"positives by {judge} and score": account.positives,
        "the same prompts by the score alone": account.positives_by_score,
        "all prompts by the score alone": account.all_by_score,
        "positives of corrected captions": account.positives_rewritten,
        f"negatives by {judge} and similarity": account.negatives,
        "of these, show their own caption": account.negatives_shown,
        "the same candidates by similarity alone": account.negatives_by_similarity,
    }
    return [((what, _told(tally)), tally.share or 0.0) for what, tally in told.items() if tally.of]


def _told(tally: Tally) -> str:
    share = f" ({tally.share:.1%})" if tally.share is not None else ""
    return f"{tally.true} of {tally.of}{share}"


def _own_words(verified: Sequence[VerifiedRow]) -> list[VerifiedRow]:
    return [row for row in verified if row.candidates and row.questions and not row.rewritten]


def _best(row: VerifiedRow) -> Judged:
    return max(row.candidates, key=lambda each: each.score)


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
