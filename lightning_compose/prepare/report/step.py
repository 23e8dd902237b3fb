"""The step `report`: one HTML file with its pictures in it, from whatever the other steps have left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from lightning_compose.data.durable import replaced
from lightning_compose.prepare.image_files import upright
from lightning_compose.prepare.model_settings import build
from lightning_compose.prepare.models.truth import Truth
from lightning_compose.prepare.report.account import Account, tell_truth
from lightning_compose.prepare.report.examples import Examples
from lightning_compose.prepare.report.found import Found, find
from lightning_compose.prepare.report.html import page, paragraph, section, wide
from lightning_compose.prepare.report.page import alignment_section, choice_section, funnel_section, work_section
from lightning_compose.prepare.report.settings import ReportSettings
from lightning_compose.prepare.report.sheets import sheets
from lightning_compose.prepare.result import Result
from lightning_compose.prepare.review.left_out import reviewed
from lightning_compose.prepare.settings import Settings
from lightning_compose.prepare.workspace import Workspace

NAME = "report.html"


def report(settings: Settings, workspace: Workspace) -> None:
    """Write ``report.html`` anew: the same rows make the same bytes."""
    section_ = settings.report or ReportSettings()
    found = find(workspace)
    examples = Examples(section_.examples, settings.seed, lambda path: _open(workspace, path))
    parts = [
        funnel_section(found),
        alignment_section(found),
        choice_section(found, _account(section_, found, workspace), examples),
        *_sheets(found, workspace.shards, section_.pairs_per_stage),
        examples.of_drafts(found.rejected),
        examples.of_left_out(_left_out(found, settings, workspace)),
        work_section(found),
    ]
    file = workspace.root / NAME
    workspace.root.mkdir(parents=True, exist_ok=True)
    with replaced(file) as opened:
        opened.write(page("From prompts to pairs", parts).encode())
    print(f"Wrote {file}")


def _account(settings: ReportSettings, found: Found, workspace: Workspace) -> Account | None:
    if settings.truth is None:
        return None
    truth = build(settings.truth, Truth)
    return tell_truth(found.verified, found.negatives, lambda path: _open(workspace, path), truth)


def _sheets(found: Found, shards: Path, pairs_per_stage: int) -> Iterator[str]:
    if found.packed is None:
        yield section("Pairs", paragraph("No pairs are packed yet."))
        return
    for stage, count, picture in sheets(shards, pairs_per_stage):
        title = f"Pairs of stage {stage} ({min(count, pairs_per_stage)} of {count})"
        yield section(title, wide(picture, f"pairs of stage {stage}"))


def _left_out(found: Found, settings: Settings, workspace: Workspace) -> list[tuple[str, Result]]:
    without_negative = settings.pack.without_negative
    results = reviewed(found.results, settings.review, without_negative, workspace)
    reasons = ((each.reason(without_negative), each) for each in results if not _is_open(found, each))
    return [(reason, each) for reason, each in reasons if reason is not None]


def _is_open(found: Found, result: Result) -> bool:
    """Whether the negative of a positive may still come."""
    return found.packed is None and result.positive is not None and result.negatives is None


def _open(workspace: Workspace, path: str) -> Image.Image:
    return upright(workspace.image(path))
