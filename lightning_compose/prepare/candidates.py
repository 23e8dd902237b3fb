"""The step `candidates`: several images of every prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from lightning_compose.prepare.engine.blocks import BlockImages
from lightning_compose.prepare.engine.run import run_blocks
from lightning_compose.prepare.image_seeds import image_seeds
from lightning_compose.prepare.model_settings import build
from lightning_compose.prepare.models.painter import Painter
from lightning_compose.prepare.rows import CandidatesRow, PromptRow
from lightning_compose.prepare.settings import CandidatesSettings, Settings, require_section
from lightning_compose.prepare.workspace import Workspace

STEP = "candidates"


def candidates(settings: Settings, workspace: Workspace) -> None:
    """Draw the candidates of the prompts that have none yet."""
    section = require_section(STEP, settings.candidates)
    rows = workspace.prompts()
    what = {"seed": settings.seed, "block_rows": settings.engine.block_rows, **asdict(section)}
    folder = workspace.begin(STEP, what, rows)
    arguments = {"settings": section, "seed": settings.seed}
    run_blocks(rows, CandidatesWorker, arguments, folder, settings.engine, unit="prompt")


class CandidatesWorker:
    """Draws blocks of prompts; its painter is loaded once.

    Args:
        settings: Of the step.
        seed: Of the settings.
    """

    def __init__(self, settings: CandidatesSettings, seed: int) -> None:
        self._painter = build(settings.painter, Painter)
        self._per_prompt, self._seed = settings.per_prompt, seed

    def block(self, rows: Sequence[PromptRow], images: BlockImages) -> list[CandidatesRow]:
        """Return a row a prompt, with its images written."""
        seeds = [image_seeds(self._seed, STEP, row.key, self._per_prompt) for row in rows]
        prompts = [row.prompt for row in rows for _ in range(self._per_prompt)]
        # All at once: the painter's batches may reach over several prompts.
        painted = self._painter.paint(prompts, [seed for each in seeds for seed in each])
        places = [(row, candidate) for row in range(len(rows)) for candidate in range(self._per_prompt)]
        files = [images.save(*place, image) for place, image in zip(places, painted, strict=True)]
        of_row = [tuple(files[start : start + self._per_prompt]) for start in range(0, len(files), self._per_prompt)]
        return [
            CandidatesRow(row.key, paths, each, self._painter.name)
            for row, paths, each in zip(rows, of_row, seeds, strict=True)
        ]
