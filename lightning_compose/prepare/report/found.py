"""All that there is in a workspace, however far it has come, and what is missing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lightning_compose.data.shards.table import INDEX
from lightning_compose.prepare.prompts.selection import Rejected
from lightning_compose.prepare.prompts.step import REJECTED, REPORT
from lightning_compose.prepare.result import Result
from lightning_compose.prepare.rows import CandidatesRow, MasksRow, NegativesRow, PromptRow, VerifiedRow, from_line
from lightning_compose.prepare.step_record import read_record
from lightning_compose.prepare.workspace import Workspace

KINDS = {"candidates": CandidatesRow, "verify": VerifiedRow, "negatives": NegativesRow, "masks": MasksRow}
# Images that people captioned have no other steps.
OF_CAPTIONED, CAPTIONED = ("verify", "masks"), "images"
PACK, COUNTS = "pack", "counts.json"


@dataclass(frozen=True)
class Found:
    """What the steps have left so far.

    Args:
        prompts: By their keys, as all rows.
        rejected: Drafts that are no prompts.
        writing: What happened while the prompts were written (``prompts.json``); None = somebody else wrote them.
        candidates: Rows of that step.
        verified: Rows of that step.
        negatives: Rows of that step.
        masks: Rows of that step.
        packed: What is in the shards and why the rest is not (``pack/counts.json``); None = they are not written.
        missing: A sentence for each step that was not run, or not to its end.
    """

    prompts: tuple[PromptRow, ...]
    rejected: tuple[Rejected, ...]
    writing: dict[str, Any] | None
    candidates: tuple[CandidatesRow, ...]
    verified: tuple[VerifiedRow, ...]
    negatives: tuple[NegativesRow, ...]
    masks: tuple[MasksRow, ...]
    packed: dict[str, dict[str, int]] | None
    missing: tuple[str, ...]

    @cached_property
    def results(self) -> tuple[Result, ...]:
        """The prompts that were judged, with their rows."""
        verified = {row.key: row for row in self.verified}
        negatives = {row.key: row for row in self.negatives}
        return tuple(
            Result(row.key, row, verified[row.key], negatives.get(row.key))
            for row in self.prompts
            if row.key in verified
        )


def find(workspace: Workspace) -> Found:
    """Read what is there.

    Raises:
        ValueError: When something is there that no step has written.
    """
    prompts = workspace.prompts() if workspace.prompts_file.is_file() else []
    missing = [] if prompts else ["There are no prompts: the step prompts was not run to its end."]
    missing += [told for step in _steps(workspace) if (told := _missing(workspace, step))]
    # Without its index a set is what a kill has left.
    packed = _json(workspace, f"{PACK}/{COUNTS}") if (workspace.shards / INDEX).is_file() else None
    if packed is None:
        missing.append("The step pack was not run to its end: there are no shards.")
    return Found(
        tuple(prompts),
        tuple(_rejected(workspace)),
        _json(workspace, REPORT),
        tuple(workspace.finished_rows("candidates", CandidatesRow)),
        tuple(workspace.finished_rows("verify", VerifiedRow)),
        tuple(workspace.finished_rows("negatives", NegativesRow)),
        tuple(workspace.finished_rows("masks", MasksRow)),
        packed,
        tuple(missing),
    )


def _steps(workspace: Workspace) -> Sequence[str]:
    verify = read_record(workspace.folder("verify"))
    is_captioned = verify is not None and verify.settings.get("step") == CAPTIONED
    return OF_CAPTIONED if is_captioned else tuple(KINDS)


def _missing(workspace: Workspace, step: str) -> str | None:
    expected = read_record(workspace.folder(step))
    if expected is None:
        return f"The step {step} was not run."
    rows = len(workspace.finished_rows(step, KINDS[step]))
    return f"The step {step} is not done: {rows} of {expected.rows} rows." if rows != expected.rows else None


def _rejected(workspace: Workspace) -> list[Rejected]:
    file = workspace.folder("prompts") / REJECTED
    if not file.is_file():
        return []
    # Not splitlines: see `workspace._read`.
    lines = file.read_text(encoding="utf-8").split("\n")
    return [from_line(Rejected, line, f"'{file}'") for line in lines if line.strip()]


def _json(workspace: Workspace, name: str) -> dict[str, Any] | None:
    file = workspace.root / name
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
