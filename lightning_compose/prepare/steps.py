"""The steps of `prepare`, in their order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from lightning_compose.prepare.candidates import candidates
from lightning_compose.prepare.captioned import images
from lightning_compose.prepare.masks.step import masks
from lightning_compose.prepare.negatives.step import negatives
from lightning_compose.prepare.pack import pack
from lightning_compose.prepare.prompts.step import write_prompts
from lightning_compose.prepare.settings import Settings, require_section
from lightning_compose.prepare.verify.step import verify
from lightning_compose.prepare.workspace import Workspace

Step = Callable[[Settings, Workspace], None]


def prompts(settings: Settings, workspace: Workspace) -> None:
    """Write the prompts, or go on with them."""
    section = require_section("prompts", settings.prompts)
    what = {"seed": settings.seed, **asdict(section)}
    # How many orders are out at a time changes nothing in what is written.
    del what["parallel"]
    workspace.begin("prompts", what, [])
    write_prompts(section, settings.seed, workspace.root)


def report(settings: Settings, workspace: Workspace) -> None:
    """Write the page that shows what became of the prompts."""
    # Its plots take matplotlib, which no other step waits for.
    from lightning_compose.prepare.report.step import report as write_report

    write_report(settings, workspace)


STEPS: dict[str, Step] = {
    "images": images,
    "prompts": prompts,
    "candidates": candidates,
    "verify": verify,
    "negatives": negatives,
    "masks": masks,
    "pack": pack,
    "report": report,
}


def run_all(settings: Settings, workspace: Workspace) -> None:
    """Run the steps that the settings have a section of."""
    for name, step in STEPS.items():
        if getattr(settings, name) is not None:
            step(settings, workspace)
