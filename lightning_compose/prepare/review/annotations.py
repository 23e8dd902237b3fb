"""Label Studio's annotations as votes.

Source: https://labelstud.io/guide/export, the format JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast, get_args

from lightning_compose.prepare.review.pairs import Pair
from lightning_compose.prepare.review.votes import Answer, Vote, annotator_name, append, read, standing


def take_annotations(export: Path, pairs: Sequence[Pair], votes: Path) -> tuple[int, int]:
    """Add the votes of an export that are not there yet: it may be a later one of the same project.

    Args:
        export: File in the format JSON.
        pairs: As they are now.
        votes: Folder of the votes.

    Returns:
        How many were added, and how many are about pairs that are there no more.

    Raises:
        ValueError: When it is no export of the tasks that `write_tasks` wrote.
    """
    identities = {pair.key: pair.identity for pair in pairs}
    # An annotator's last answer on a pair is the one that counts.
    found = {(vote.annotator, vote.key): vote for vote in _votes(export)}
    current = [vote for vote in found.values() if identities.get(vote.key) == vote.pair]
    added = 0
    for annotator in sorted({vote.annotator for vote in current}):
        before = standing(read(votes, annotator), identities)
        new = [vote for vote in current if vote.annotator == annotator and _differs(vote, before.get(vote.key))]
        append(votes, new)
        added += len(new)
    return added, len(found) - len(current)


def _differs(vote: Vote, before: Vote | None) -> bool:
    return before is None or before.answer != vote.answer


def _votes(export: Path) -> Iterator[Vote]:
    try:
        for task in json.loads(export.read_text(encoding="utf-8")):
            for annotation in task["annotations"]:
                yield _vote(task["data"], annotation)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(
            f"Expected '{export}' to be Label Studio's export of these tasks as JSON, got a file that is none: "
            f"{error!r}. Export the project that tasks.json was imported into, in the format JSON."
        ) from error


def _vote(data: dict[str, Any], annotation: dict[str, Any]) -> Vote:
    if data["left"] not in ("positive", "negative"):
        raise ValueError(f"left is {data['left']!r}")
    return Vote(str(data["key"]), str(data["pair"]), _annotator(annotation), _answer(annotation), data["left"])


def _annotator(annotation: dict[str, Any]) -> str:
    who = annotation["completed_by"]
    # A number in most exports, what is known of the person in others.
    return annotator_name(who["email"] if isinstance(who, dict) else f"label-studio-{who}")


def _answer(annotation: dict[str, Any]) -> Answer:
    chosen = [each["value"]["choices"][0] for each in annotation["result"] if each["from_name"] == "answer"]
    if annotation.get("was_cancelled") or not chosen:
        return "skip"
    if chosen[0] not in get_args(Answer):
        raise ValueError(f"the answer is {chosen[0]!r}")
    return cast(Answer, chosen[0])
