"""A workspace of pairs that were judged, made from rows and small images, for tests of the review."""

from pathlib import Path

import numpy as np
from made_prompts import prompt_row
from PIL import Image

from lightning_compose.data.masks import encode_mask
from lightning_compose.data.schema import Question
from lightning_compose.prepare.review.pairs import Pair
from lightning_compose.prepare.rows import (
    Judged,
    MaskedNoun,
    MasksRow,
    NegativeJudged,
    NegativesRow,
    VerifiedRow,
    to_line,
)
from lightning_compose.prepare.workspace import Workspace

SIZE_PX = 32
# Of the positive: yes; of the negative: no.
QUESTION = Question(0, "Is that what it shows?", "yes", "entity")
COLORS = {"red": (200, 40, 40), "green": (40, 160, 60), "blue": (50, 80, 200), "brown": (120, 80, 40)}
THINGS = ("square", "disk", "bar")


def made_pairs(count: int) -> list[Pair]:
    """Pairs without files."""
    return [Pair(f"pair-{number}", f"identity-{number}", f"caption {number}", Path()) for number in range(count)]


def write_step(workspace: Workspace, step: str, rows) -> None:
    """Write a step that is done."""
    folder = workspace.begin(step, {}, rows)
    (folder / "blocks").mkdir()
    (folder / "blocks/000000.jsonl").write_text("".join(map(to_line, rows)))


def made_workspace(folder: Path, count: int = 4) -> Workspace:
    """Pairs of a colored thing and the same thing in another color, with the positives' masks."""
    workspace = Workspace(folder)
    workspace.root.mkdir(parents=True)
    captions = _captions(count)
    keys = [f"single-color-{number:06d}" for number in range(count)]
    workspace.prompts_file.write_text("".join(to_line(prompt_row(key)) for key in keys))
    verified, negatives, masks = [], [], []
    for number, (key, (caption, other)) in enumerate(zip(keys, captions, strict=True)):
        positive = _draw(workspace, f"candidates/images/{number}.webp", caption)
        negative = _draw(workspace, f"negatives/images/{number}.webp", other)
        judged = Judged(positive, number, ("yes",), 1.0, True, 0.5)
        verified.append(VerifiedRow(key, caption, (QUESTION,), (judged,), 0, False, None, {}))
        judged_negative = NegativeJudged(negative, number, ("no",), True, 0.5)
        negatives.append(NegativesRow(key, other, (judged_negative,), 0, "generated", None, {}))
        masks.append(MasksRow(key, _nouns(caption), None, {}))
    for step, rows in (("verify", verified), ("negatives", negatives), ("masks", masks)):
        write_step(workspace, step, rows)
    return workspace


def _captions(count: int) -> list[tuple[str, str]]:
    colors = list(COLORS)
    made = [(thing, first, second) for thing in THINGS for first in colors for second in colors if first != second]
    return [(f"a {first} {thing} on white", f"a {second} {thing} on white") for thing, first, second in made[:count]]


def _shape(caption: str) -> np.ndarray:
    thing = caption.split()[2]
    down, right = np.mgrid[:SIZE_PX, :SIZE_PX] - SIZE_PX // 2
    if thing == "disk":
        return down**2 + right**2 < 100
    return (abs(down) < (4 if thing == "bar" else 10)) & (abs(right) < 10)


def _draw(workspace: Workspace, name: str, caption: str) -> str:
    pixels = np.full((SIZE_PX, SIZE_PX, 3), 255, np.uint8)
    pixels[_shape(caption)] = COLORS[caption.split()[1]]
    file = workspace.root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file, "WEBP", lossless=True)
    return name


def _nouns(caption: str) -> tuple[MaskedNoun, ...]:
    thing = caption.split()[2]
    start = caption.index(thing)
    spans = ((start, start + len(thing)),)
    return (MaskedNoun(thing, spans, (), encode_mask(_shape(caption)), ((6.0, 6.0, 26.0, 26.0),), (0.9,)),)
