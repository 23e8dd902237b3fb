"""The step `masks`: the nouns of what would be packed, and where the positives show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL.Image import Image

from lightning_compose.data.masks import encode_mask
from lightning_compose.data.schema import STAGES, Annotation, Noun, Question
from lightning_compose.prepare.engine.blocks import BlockImages
from lightning_compose.prepare.engine.run import run_blocks
from lightning_compose.prepare.image_files import upright
from lightning_compose.prepare.masks.noun_spans import united
from lightning_compose.prepare.masks.settings import MasksSettings
from lightning_compose.prepare.model_settings import build
from lightning_compose.prepare.models.noun_finder import NounFinder
from lightning_compose.prepare.models.segmenter import Found, Segmenter
from lightning_compose.prepare.pack import read_results
from lightning_compose.prepare.rows import MaskedNoun, MasksRow
from lightning_compose.prepare.settings import Settings, require_section
from lightning_compose.prepare.workspace import Workspace

NO_NOUN, NO_MASK = "no_noun", "no_mask"
STEP = "masks"


@dataclass(frozen=True, slots=True)
class MasksInput:
    """A positive and what is said of it.

    Args:
        key: Of the prompt.
        caption: Of the positive.
        questions: About the caption.
        image: Path in the workspace.
    """

    key: str
    caption: str
    questions: tuple[Question, ...]
    image: str


def masks(settings: Settings, workspace: Workspace) -> None:
    """Find the nouns of the pairs that have none yet; those that people reject later have theirs, too."""
    section = require_section(STEP, settings.masks)
    rows = [
        MasksInput(each.key, each.verified.caption, each.verified.questions, each.positive.image)
        for each in read_results(workspace)
        if each.positive is not None and each.reason(settings.pack.without_negative) is None
    ]
    what = {"block_rows": settings.engine.block_rows, **asdict(section)}
    folder = workspace.begin(STEP, what, rows)
    arguments = {"settings": section, "root": workspace.root.resolve()}
    run_blocks(rows, MasksWorker, arguments, folder, settings.engine, unit="positive")


class MasksWorker:
    """Finds the nouns of blocks of positives; its models are loaded once.

    Args:
        settings: Of the step.
        root: The workspace's folder, which the paths of images start from.
    """

    def __init__(self, settings: MasksSettings, root: Path) -> None:
        self._root = root
        self._finder = build(settings.nouns, NounFinder)
        self._segmenter = build(settings.segmenter, Segmenter)

    def block(self, rows: Sequence[MasksInput], images: BlockImages) -> list[MasksRow]:
        """Return a row a positive; no image is written."""
        found = self._finder.find([row.caption for row in rows], [row.questions for row in rows])
        nouns = [_checked(row.caption, each) for row, each in zip(rows, found, strict=True)]
        opened = [upright(self._root / row.image) for row in rows]
        seen = self._segmenter.segment(opened, [[each.text.casefold() for each in named] for named in nouns])
        models = {"nouns": self._finder.name, "segmenter": self._segmenter.name}
        return [_row(*each, models) for each in zip(rows, opened, nouns, seen, strict=True)]


def _checked(caption: str, nouns: Sequence[Noun]) -> tuple[Noun, ...]:
    # A sample with spans of another text would be refused when it is packed, hours later.
    return Annotation(caption, STAGES[0], nouns=united(nouns)).nouns


def _row(
    row: MasksInput, image: Image, nouns: Sequence[Noun], seen: Sequence[Found | None], models: dict[str, str]
) -> MasksRow:
    masked = tuple(_masked(noun, found, image) for noun, found in zip(nouns, seen, strict=True))
    reason = None if any(each.mask for each in masked) else NO_MASK if masked else NO_NOUN
    return MasksRow(row.key, masked, reason, models)


def _masked(noun: Noun, found: Found | None, image: Image) -> MaskedNoun:
    if found is None:
        return MaskedNoun(noun.text, noun.spans, noun.attributes, None, (), ())
    if found.mask.shape != (image.height, image.width):
        raise ValueError(
            f"Expected the mask of {noun.text!r} to have its image's size, {image.height} x {image.width} (height x "
            f"width), got {list(found.mask.shape)}. Correct the segmenter."
        )
    mask = encode_mask(found.mask) if found.mask.any() else None
    return MaskedNoun(noun.text, noun.spans, noun.attributes, mask, found.boxes, found.scores)
