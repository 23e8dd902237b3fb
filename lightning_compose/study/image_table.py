"""Images of the same prompts and seeds as a picture: a row a prompt, a column an arm."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from lightning_compose.callbacks.verdict_page import frame
from lightning_compose.data.font import load_font
from lightning_compose.evaluation.results import FOLDER
from lightning_compose.evaluation.scores import SCORES, Score, read_scores
from lightning_compose.study.tables import BASE, Evaluated

FONT_PX, LINE_PX = 13, 17
MARGIN_PX = 6
LETTERS = 20
PROMPT_PX = 160


@dataclass(frozen=True, slots=True)
class Drawn:
    """The images of a run where it is read.

    Args:
        arm: Whose they are.
        folder: What the files of the scores are relative to.
        scores: By the prompt's index.
    """

    arm: str
    folder: Path
    scores: dict[int, Score]


def find_drawn(runs: Path, read: Sequence[Evaluated]) -> list[Drawn]:
    """Find the images of some runs.

    Args:
        runs: ARM/SEED is the folder of each, `BASE` that of the untrained model.
        read: The runs at the steps wanted; one whose images were not kept is left out.
    """
    folders = [(each.arm, _run_folder(runs, each) / FOLDER / f"{each.step:06d}") for each in read]
    kept = [(arm, folder) for arm, folder in folders if (folder / SCORES).is_file()]
    return [Drawn(arm, folder, {each.index: each for each in read_scores(folder / SCORES)}) for arm, folder in kept]


def image_table(drawn: Sequence[Drawn], split: str) -> Image.Image:
    """Draw the first prompt of each category, as every arm drew it: none is chosen by its looks.

    Args:
        drawn: At least one, all of the same prompts.
        split: Which prompts.
    """
    chosen = first_prompts(list(drawn[0].scores.values()), split)
    cells = [[_cell(each, index) for each in drawn] for index in chosen]
    side = cells[0][0].size
    size = (PROMPT_PX + len(drawn) * (side[0] + MARGIN_PX), 2 * LINE_PX + len(cells) * (side[1] + MARGIN_PX))
    canvas = Image.new("RGB", size, "white")
    for column, each in enumerate(drawn):
        _write(canvas, each.arm, PROMPT_PX + column * (side[0] + MARGIN_PX), LINE_PX // 2)
    for row, (index, images) in enumerate(zip(chosen, cells, strict=True)):
        top = 2 * LINE_PX + row * (side[1] + MARGIN_PX)
        _write(canvas, _caption(drawn[0].scores[index]), MARGIN_PX, top)
        for column, image in enumerate(images):
            canvas.paste(image, (PROMPT_PX + column * (side[0] + MARGIN_PX), top))
    return canvas


def first_prompts(scores: Sequence[Score], split: str) -> list[int]:
    """Return the index of the first prompt of each category."""
    firsts: dict[str, int] = {}
    for each in sorted(scores, key=lambda score: score.index):
        if each.split == split:
            firsts.setdefault(each.category, each.index)
    return list(firsts.values())


def _run_folder(runs: Path, run: Evaluated) -> Path:
    return runs / BASE if run.arm == BASE else runs / run.arm / str(run.seed)


def _cell(drawn: Drawn, index: int) -> Image.Image:
    score = drawn.scores[index]
    return frame(Image.open(drawn.folder / score.file), score.correct)


def _caption(score: Score) -> str:
    return "\n".join([f"{score.category}:", *textwrap.wrap(score.prompt, LETTERS)])


def _write(canvas: Image.Image, text: str, x: int, y: int) -> None:
    ImageDraw.Draw(canvas).text((x, y), text, fill="black", font=load_font(FONT_PX), spacing=4)
