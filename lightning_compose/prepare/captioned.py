"""The step `images`: images that people captioned, in the place of prompts and what is drawn of them.

It writes what `prompts` and `verify` write, so that `masks` and `pack` go on from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from PIL.Image import Image

from lightning_compose.data.durable import replaced
from lightning_compose.data.schema import SampleError
from lightning_compose.prepare.caption_file import CaptionedImage, draw, read_captions
from lightning_compose.prepare.engine.blocks import BlockImages
from lightning_compose.prepare.engine.run import run_blocks
from lightning_compose.prepare.image_files import encoded, upright
from lightning_compose.prepare.model_settings import ModelSettings, build
from lightning_compose.prepare.models.scorer import Scorer
from lightning_compose.prepare.rows import Judged, PromptRow, VerifiedRow, to_line
from lightning_compose.prepare.settings import ImagesSettings, Settings, require_section
from lightning_compose.prepare.step_record import read_record
from lightning_compose.prepare.workspace import Workspace

STEP, WRITES = "images", "verify"
NO_CAPTION, NO_IMAGE = "no_caption", "no_image"


def images(settings: Settings, workspace: Workspace) -> None:
    """Take in the images that were not yet, each with its best caption.

    Raises:
        ValueError: When the file of captions is none, there is no such folder, or the workspace has prompts.
    """
    section = require_section(STEP, settings.images)
    file = Path(section.annotations)
    rows = draw(read_captions(file), section.count, settings.seed)
    _require_folder(Path(section.folder))
    _require_no_prompts(workspace)
    what = {"seed": settings.seed, "block_rows": settings.engine.block_rows, "step": STEP, **asdict(section)}
    folder = workspace.begin(WRITES, what, rows)
    arguments = {"scorer": section.scorer, "folder": Path(section.folder).resolve()}
    run_blocks(rows, CaptionedWorker, arguments, folder, settings.engine, unit="image")
    _write_prompts(section, {row.key: row for row in rows}, workspace)


class CaptionedWorker:
    """Takes blocks of images in; its scorer is loaded once.

    Args:
        scorer: Chooses among the captions of an image.
        folder: Of the images.
    """

    def __init__(self, scorer: ModelSettings, folder: Path) -> None:
        self._scorer = build(scorer, Scorer)
        self._folder = folder

    def block(self, rows: Sequence[CaptionedImage], images: BlockImages) -> list[VerifiedRow]:
        """Return a row an image, with its file copied as it is."""
        return [self._row(index, row, images) for index, row in enumerate(rows)]

    def _row(self, index: int, row: CaptionedImage, images: BlockImages) -> VerifiedRow:
        file, models = self._folder / row.file, {"scorer": self._scorer.name}
        seen = _open(row, file)
        if isinstance(seen, str):
            return VerifiedRow(row.key, "", (), (), None, False, seen, models)
        scores = self._scorer.score([seen] * len(row.captions), row.captions)
        best = scores.index(max(scores))
        path = images.keep(index, 0, encoded(file))
        kept = Judged(path, seed=0, answers=(), alignment=1.0, success=True, score=scores[best])
        return VerifiedRow(row.key, row.captions[best], (), (kept,), 0, False, None, models)


def _open(row: CaptionedImage, file: Path) -> Image | str:
    """Return the image, or why it is left out."""
    if not row.captions:
        return NO_CAPTION
    try:
        return upright(file)
    except (FileNotFoundError, IsADirectoryError):
        return NO_IMAGE
    except SampleError as error:
        return error.reason


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ValueError(f"Expected `images.folder` to be a folder of images, got '{folder}'. Correct it.")


def _require_no_prompts(workspace: Workspace) -> None:
    if workspace.prompts_file.is_file() and read_record(workspace.folder(WRITES)) is None:
        raise ValueError(
            f"Expected a workspace without prompts for captioned images, got '{workspace.prompts_file}'. Take another."
        )


def _write_prompts(settings: ImagesSettings, rows: Mapping[str, CaptionedImage], workspace: Workspace) -> None:
    """Write the chosen captions as prompts, last: the file says that the step is done."""
    prompts = (
        PromptRow(
            row.key,
            row.caption,
            "",
            settings.category,
            settings.stage,
            Path(settings.annotations).name,
            0,
            source={"file": rows[row.key].file, "captions": list(rows[row.key].captions)},
        )
        for row in workspace.rows(WRITES, VerifiedRow)
    )
    with replaced(workspace.prompts_file) as opened:
        opened.writelines(to_line(row).encode() for row in prompts)
