"""What `pack` leaves out because people looked at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lightning_compose.prepare.result import Result
from lightning_compose.prepare.review.ballots import majority, on, read_ballots
from lightning_compose.prepare.review.pairs import pairs
from lightning_compose.prepare.review.settings import ReviewSettings
from lightning_compose.prepare.workspace import Workspace

FOLDER, VOTES = "review", "votes"
REJECTED, UNDECIDED = "rejected_in_review", "undecided_in_review"


def reviewed(
    results: Sequence[Result], settings: ReviewSettings, without_negative: bool, workspace: Workspace
) -> list[Result]:
    """Return the results, with a reason for those that the votes leave out; without any votes all as they are.

    Args:
        results: Of the prompts.
        settings: What becomes of pairs without a majority.
        without_negative: Whether a positive is enough.
        workspace: With the votes.
    """
    shown = pairs(results, without_negative, workspace)
    ballots = read_ballots(workspace.folder(FOLDER) / VOTES, shown)
    if not any(ballots.values()):
        return list(results)
    undecided = UNDECIDED if settings.without_majority == "leave_out" else None
    reasons = {"yes": None, "no": REJECTED, "tie": undecided, None: undecided}
    keys = {pair.key for pair in shown}
    return [
        replace(each, in_review=reasons[majority(on(ballots, each.key).values())]) if each.key in keys else each
        for each in results
    ]
