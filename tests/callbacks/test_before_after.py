"""Before above after: whose image is where, and which prompts are shown."""

from dataclasses import replace

import numpy as np
from PIL import Image
from scored import scored

from lightning_compose.callbacks import before_after as module
from lightning_compose.callbacks.before_after import before_after
from lightning_compose.callbacks.verdict_page import GREEN, RED


def test_the_first_prompt_of_each_category_and_split(tmp_path):
    rows = [scored("color", False, text) for text in "ab"] + [scored("color", False, "c", split="held_out")]
    folders = (tmp_path / "one", tmp_path / "other")
    for folder, shade in zip(folders, (10, 200), strict=True):
        folder.mkdir()
        for number, _ in enumerate(rows):
            Image.new("RGB", (64, 64), (shade, number, number)).save(folder / f"{number}.png")
    before = [replace(row, file=f"{number}.png") for number, row in enumerate(rows)]
    after = [replace(row, correct=True) for row in before]
    picture = np.asarray(before_after(before, after[::-1], folders))
    top, bottom = (np.asarray([shade, 0, 0]) for shade in (10, 200))
    is_top, is_bottom = (picture == top).all(-1), (picture == bottom).all(-1)
    assert np.argwhere(is_top)[:, 0].max() < np.argwhere(is_bottom)[:, 0].min()
    assert not (picture == (10, 1, 1)).all(-1).any(), "the second prompt of a category"
    assert (picture == (10, 2, 2)).all(-1).any(), "the first one held out"


def cells_of(before, after, folders, monkeypatch):
    """Return the cells, as they are laid out, and their captions."""
    taken = []
    monkeypatch.setattr(module, "image_grid", lambda cells, captions, columns: taken.extend((cells, captions)))
    before_after(before, after, folders)
    return taken


def test_each_image_has_its_own_frame_and_its_own_caption(tmp_path, monkeypatch):
    rows = [scored("color", True, "a red ring"), scored("shape", False, "a heart", split="held_out")]
    for number in range(2):
        Image.new("RGB", (64, 64), (0, 0, 100 + number)).save(tmp_path / f"{number}.png")
    before = [replace(row, file=f"{number}.png") for number, row in enumerate(rows)]
    after = [replace(row, correct=not row.correct) for row in before]
    cells, captions = cells_of(before, after, (tmp_path, tmp_path), monkeypatch)
    frames = [[cell.getpixel((0, row)) for row in (0, cell.height - 1)] for cell in cells]
    assert frames == [[GREEN, RED], [RED, GREEN]]
    assert [cell.getpixel((cell.width // 2, cell.height // 4)) for cell in cells] == [(0, 0, 100), (0, 0, 101)]
    assert captions == ["seen: a red ring", "held out: a heart"]


def test_seeds_and_categories_of_one_prompt_are_not_mixed_up(tmp_path, monkeypatch):
    keys = [("color", 0), ("shape", 0), ("shape", 1)]
    before = [replace(scored(name, False, "a", seed=seed), file="0.png") for name, seed in keys]
    Image.new("RGB", (64, 64)).save(tmp_path / "0.png")
    after = [replace(row, correct=(row.category, row.seed) == ("color", 0)) for row in before]
    cells, _ = cells_of(before, after, (tmp_path, tmp_path), monkeypatch)
    assert [cell.getpixel((0, cell.height - 1)) for cell in cells] == [GREEN, RED]
