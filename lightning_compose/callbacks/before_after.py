"""Images of the same prompts and seeds, those of one evaluation above those of another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from lightning_compose.callbacks.grid import image_grid
from lightning_compose.callbacks.verdict_page import frame
from lightning_compose.evaluation.scores import Score

COLUMNS = 6
GAP_PX = 4


def before_after(before: Sequence[Score], after: Sequence[Score], folders: tuple[Path, Path]) -> Image.Image:
    """Draw the first prompt of each category and split: none is chosen by its looks.

    Args:
        before: Scores of the images above.
        after: Of the same prompts and seeds; those of the images below.
        folders: What the files of both are relative to.
    """
    other = {(each.category, each.prompt, each.seed): each for each in after}
    chosen = list({(each.category, each.split): each for each in reversed(before)}.values())[::-1]
    cells = [_cell((each, other[each.category, each.prompt, each.seed]), folders) for each in chosen]
    captions = [f"{each.split.replace('_', ' ')}: {each.prompt}" for each in chosen]
    return image_grid(cells, captions, min(COLUMNS, len(cells)))


def _cell(scores: tuple[Score, Score], folders: tuple[Path, Path]) -> Image.Image:
    above, below = (
        frame(Image.open(folder / score.file), score.correct) for folder, score in zip(folders, scores, strict=True)
    )
    cell = Image.new("RGB", (above.width, above.height + GAP_PX + below.height), "white")
    cell.paste(above, (0, 0))
    cell.paste(below, (0, above.height + GAP_PX))
    return cell
