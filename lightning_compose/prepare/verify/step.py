"""The step `verify`: which candidate shows its prompt, by a judge's answers and a score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from lightning_compose.prepare.engine.blocks import BlockImages
from lightning_compose.prepare.engine.run import run_blocks
from lightning_compose.prepare.judging.panel import Case, Panel
from lightning_compose.prepare.model_settings import build
from lightning_compose.prepare.models.answerer import Answerer
from lightning_compose.prepare.models.captioner import Captioner
from lightning_compose.prepare.models.questioner import Questioner
from lightning_compose.prepare.models.scorer import Scorer
from lightning_compose.prepare.rows import CandidatesRow, PromptRow, VerifiedRow
from lightning_compose.prepare.settings import Settings, require_section
from lightning_compose.prepare.verify.settings import VerifySettings
from lightning_compose.prepare.verify.verifier import Verifier
from lightning_compose.prepare.workspace import Workspace

STEP = "verify"


@dataclass(frozen=True, slots=True)
class VerifyInput:
    """A prompt and its candidates."""

    key: str
    prompt: PromptRow
    candidates: CandidatesRow


def verify(settings: Settings, workspace: Workspace) -> None:
    """Judge the candidates of the prompts that were not judged yet."""
    section = require_section(STEP, settings.verify)
    found = {row.key: row for row in workspace.rows("candidates", CandidatesRow)}
    rows = [VerifyInput(row.key, row, _candidates(found, row.key)) for row in workspace.prompts()]
    what = {"block_rows": settings.engine.block_rows, **asdict(section)}
    folder = workspace.begin(STEP, what, rows)
    arguments = {"settings": section, "root": workspace.root.resolve()}
    run_blocks(rows, VerifyWorker, arguments, folder, settings.engine, unit="prompt")


def _candidates(found: Mapping[str, CandidatesRow], key: str) -> CandidatesRow:
    if key not in found:
        raise ValueError(
            f"Expected every prompt to have candidates, got {key!r} without. Prompts that came later need a "
            "workspace of their own."
        )
    return found[key]


class VerifyWorker:
    """Verifies blocks of prompts; its models are loaded once.

    Args:
        settings: Of the step.
        root: The workspace's folder, which the paths of images start from.
    """

    def __init__(self, settings: VerifySettings, root: Path) -> None:
        self._root = root
        panel = Panel(build(settings.answerer, Answerer), build(settings.scorer, Scorer), settings.least_alignment)
        questioner = build(settings.questioner, Questioner) if settings.questioner is not None else None
        captioner = build(settings.captioner, Captioner) if settings.captioner is not None else None
        self._verifier = Verifier(panel, questioner, captioner)

    def block(self, rows: Sequence[VerifyInput], images: BlockImages) -> list[VerifiedRow]:
        """Return a row a prompt; no image is written."""
        return self._verifier.verify([self._case(row) for row in rows])

    def _case(self, row: VerifyInput) -> Case:
        prompt, found = row.prompt, row.candidates
        images = tuple(Image.open(self._root / path).convert("RGB") for path in found.images)
        return Case(row.key, prompt.category, prompt.prompt, prompt.questions, images, found.images, found.seeds)
