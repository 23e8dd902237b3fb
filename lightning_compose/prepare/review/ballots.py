"""The votes of all annotators on the pairs as they are now, and what most of them say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from lightning_compose.prepare.review.pairs import Pair
from lightning_compose.prepare.review.votes import annotators, read, standing

Verdict = Literal["yes", "no", "tie"]
# Answers by key by annotator.
Ballots = Mapping[str, Mapping[str, str]]


def read_ballots(folder: Path, pairs: Sequence[Pair]) -> Ballots:
    """Return the answers that count.

    Args:
        folder: Of the votes; it may not be there.
        pairs: As they are now; votes on others do not count.
    """
    identities = {pair.key: pair.identity for pair in pairs}
    return {
        name: {key: vote.answer for key, vote in standing(read(folder, name), identities).items()}
        for name in annotators(folder)
    }


def majority(answers: Iterable[str]) -> Verdict | None:
    """Return what most annotators say of a pair; those who skipped it say nothing. None = nobody says anything."""
    counts = Counter(answers)
    if counts["yes"] == counts["no"]:
        return "tie" if counts["yes"] else None
    return "yes" if counts["yes"] > counts["no"] else "no"


def on(ballots: Ballots, key: str) -> dict[str, str]:
    """Return the answers on a pair, by annotator."""
    return {name: answers[key] for name, answers in ballots.items() if key in answers}
