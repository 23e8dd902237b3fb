"""How far annotators agree, and on what they do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import krippendorff
import numpy as np

from lightning_compose.prepare.review.ballots import Ballots, majority, on
from lightning_compose.prepare.review.pairs import Pair

SHOWN = 20


def alpha(ballots: Ballots, keys: Sequence[str]) -> float | None:
    """Return Krippendorff's alpha of yes and no, both nominal; a pair that was skipped is a missing value.

    Args:
        ballots: Answers by key by annotator.
        keys: Of the pairs.

    Returns:
        At most 1; None = undefined: nobody voted on what another one did, or all of those answers are the same.

    Source: Krippendorff, Computing Krippendorff's Alpha-Reliability (2011).
    """
    values = np.array([[_VALUES.get(answers.get(key, ""), np.nan) for key in keys] for answers in ballots.values()])
    paired = values[:, (~np.isnan(values)).sum(axis=0) > 1] if values.size else values
    if len(set(paired[~np.isnan(paired)].tolist())) < 2:
        return None
    return float(krippendorff.alpha(paired, level_of_measurement="nominal"))


def agreement(ballots: Ballots, pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return what there is to tell, as JSON can hold it.

    Args:
        ballots: Answers by key by annotator.
        pairs: As they are now.
    """
    verdicts = Counter(majority(on(ballots, pair.key).values()) or "nobody" for pair in pairs)
    return {
        "annotators": {name: dict(sorted(Counter(answers.values()).items())) for name, answers in ballots.items()},
        "pairs": len(pairs),
        "majority": dict(sorted(verdicts.items())),
        "alpha": alpha(ballots, [pair.key for pair in pairs]),
        "disagreements": [_told(ballots, pair) for pair in pairs if _disagree(ballots, pair.key)],
    }


def summary(found: dict[str, Any]) -> str:
    """Return what `agreement` found, in lines for a terminal."""
    voted = [f"{name}: {_counts(counts)}" for name, counts in found["annotators"].items()] or ["Nobody voted yet."]
    value = "undefined" if found["alpha"] is None else f"{found['alpha']:.3f}"
    disagreements = found["disagreements"]
    lines = [f"{each['key']} ({_votes(each['votes'])}): {each['caption']}" for each in disagreements[:SHOWN]]
    more = [f"and {len(disagreements) - SHOWN} more"] if len(disagreements) > SHOWN else []
    about = [f"{found['pairs']} pairs, majority: {_counts(found['majority'])}", f"Krippendorff's alpha: {value}"]
    return "\n".join([*voted, *about, f"Disagreements: {len(disagreements)}", *lines, *more])


_VALUES = {"no": 0.0, "yes": 1.0}


def _disagree(ballots: Ballots, key: str) -> bool:
    return {"yes", "no"} <= set(on(ballots, key).values())


def _told(ballots: Ballots, pair: Pair) -> dict[str, Any]:
    votes = on(ballots, pair.key)
    return {"key": pair.key, "caption": pair.caption, "votes": votes, "majority": majority(votes.values())}


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _votes(votes: dict[str, str]) -> str:
    return ", ".join(f"{name} {answer}" for name, answer in votes.items())
