"""The step `negatives`: the image most like the positive among those that violate its caption and show their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from lightning_compose.data.schema import Question
from lightning_compose.prepare.engine.blocks import BlockImages
from lightning_compose.prepare.engine.run import run_blocks
from lightning_compose.prepare.image_seeds import image_seeds
from lightning_compose.prepare.judging.alignment import right_answers
from lightning_compose.prepare.judging.choice import nearest_violating
from lightning_compose.prepare.model_settings import ModelSettings, build
from lightning_compose.prepare.models.answerer import Answerer
from lightning_compose.prepare.models.editor import Editor
from lightning_compose.prepare.models.embedder import Embedder
from lightning_compose.prepare.models.painter import Painter
from lightning_compose.prepare.models.questioner import Questioner
from lightning_compose.prepare.negatives.own_captions import negative_caption, own_questions
from lightning_compose.prepare.negatives.search import NegativeSearch, Positive
from lightning_compose.prepare.negatives.settings import NegativesSettings
from lightning_compose.prepare.rows import NegativeJudged, NegativesRow, PromptRow, VerifiedRow
from lightning_compose.prepare.settings import Settings, require_section
from lightning_compose.prepare.workspace import Workspace

NO_VIOLATION, NOT_SHOWN = "no_violation", "negative_not_shown"
STEP = "negatives"


@dataclass(frozen=True, slots=True)
class NegativesInput:
    """A prompt that has a positive."""

    key: str
    prompt: PromptRow
    verified: VerifiedRow


def negatives(settings: Settings, workspace: Workspace) -> None:
    """Find negatives of the positives that have none yet."""
    section = require_section(STEP, settings.negatives)
    models = {
        "painter": section.painter or require_section("candidates", settings.candidates).painter,
        "answerer": section.answerer or require_section("verify", settings.verify).answerer,
        "questioner": section.questioner or (settings.verify.questioner if settings.verify is not None else None),
    }
    verified = {row.key: row for row in workspace.rows("verify", VerifiedRow) if row.chosen is not None}
    rows = [NegativesInput(row.key, row, verified[row.key]) for row in workspace.prompts() if row.key in verified]
    named = {role: asdict(model) for role, model in models.items() if model is not None}
    what = {"seed": settings.seed, "block_rows": settings.engine.block_rows, **asdict(section), **named}
    folder = workspace.begin(STEP, what, rows)
    arguments = {"settings": section, **models, "root": workspace.root.resolve(), "seed": settings.seed}
    run_blocks(rows, NegativesWorker, arguments, folder, settings.engine, unit="positive")


class NegativesWorker:
    """Finds the negatives of blocks of positives; its models are loaded once.

    Args:
        settings: Of the step.
        painter: Draws the negative captions.
        answerer: Judges.
        questioner: Takes the negative captions apart; None = nobody does.
        root: The workspace's folder, which the paths of images start from.
        seed: Of the run.
    """

    def __init__(
        self,
        settings: NegativesSettings,
        painter: ModelSettings,
        answerer: ModelSettings,
        questioner: ModelSettings | None,
        root: Path,
        seed: int,
    ) -> None:
        self._root = root
        self._seed = seed
        self._count = settings.per_positive
        self._shows_own = settings.shows_own_caption
        self._questioner = build(questioner, Questioner) if questioner is not None else None
        self._search = NegativeSearch(
            build(painter, Painter),
            build(answerer, Answerer),
            build(settings.embedder, Embedder),
            build(settings.editor, Editor) if settings.editor is not None else None,
            settings.edited_categories,
        )

    def block(self, rows: Sequence[NegativesInput], images: BlockImages) -> list[NegativesRow]:
        """Return a row a positive; its candidates are written."""
        asked = own_questions([(row.prompt, row.verified) for row in rows], self._questioner)
        return [self._row(index, row, own, images) for index, (row, own) in enumerate(zip(rows, asked, strict=True))]

    def _row(self, index: int, row: NegativesInput, own: tuple[Question, ...], images: BlockImages) -> NegativesRow:
        positive = _positive(row, own, self._root)
        seeds = image_seeds(self._seed, STEP, row.key, self._count)
        made = self._search.make(positive, seeds)
        paths = [images.save(index, number, image) for number, image in enumerate(made)]
        candidates = self._search.judge(positive, made, paths, seeds)
        chosen = nearest_violating(candidates, self._shows_own)
        return NegativesRow(
            row.key,
            positive.negative_caption,
            candidates,
            chosen,
            "edited" if self._search.is_edited(positive) else "generated",
            _reason(candidates) if chosen is None else None,
            self._names(positive),
            own,
        )

    def _names(self, positive: Positive) -> dict[str, str]:
        questioner = {"questioner": self._questioner.name} if self._questioner is not None else {}
        return {**self._search.names(positive), **questioner}


def _reason(candidates: Sequence[NegativeJudged]) -> str:
    """Return why none of them is the negative."""
    return NOT_SHOWN if any(each.violates for each in candidates) else NO_VIOLATION


def _positive(row: NegativesInput, own: tuple[Question, ...], root: Path) -> Positive:
    verified = row.verified
    if verified.chosen is None:
        raise ValueError(f"Expected row {row.key!r} to have a positive, got none. Leave it out.")
    kept = verified.candidates[verified.chosen]
    return Positive(
        row.key,
        row.prompt.category,
        verified.caption,
        negative_caption(row.prompt, verified),
        verified.questions,
        right_answers(verified.questions, kept.answers),
        Image.open(root / kept.image).convert("RGB"),
        own,
    )
