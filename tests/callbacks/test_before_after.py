"""Before above after: whose image is where, and which prompts are shown."""

from dataclasses import replace

import numpy as np
from PIL import Image
from scored import scored

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
    assert (picture == RED).all(-1).any()
    assert (picture == GREEN).all(-1).any()
