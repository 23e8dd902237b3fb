"""Images of all arms: whose is where, and which prompts are shown."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scored import scored

from lightning_compose.callbacks.verdict_page import GREEN, RED
from lightning_compose.evaluation.scores import write_scores
from lightning_compose.study.image_table import find_drawn, image_table
from lightning_compose.study.tables import Evaluated

READ = [Evaluated("base", 0, 0, 0, 0.0, 0.0), Evaluated("plain", 1, 30, 30, 1.0, 1.0)]


@pytest.fixture
def runs(tmp_path):
    keep(tmp_path / "base/evaluation/000000", 50, correct=False)
    keep(tmp_path / "plain/1/evaluation/000030", 200, correct=True)
    return tmp_path


def keep(folder, shade, correct):
    asked = [("color", "seen"), ("color", "seen"), ("shape", "seen"), ("color", "held_out")]
    rows = [
        replace(scored(category, correct, f"prompt {index}", split), index=index, file=f"{index}.png")
        for index, (category, split) in enumerate(asked)
    ]
    write_scores(rows, folder / "scores.csv")
    for index in range(len(rows)):
        Image.new("RGB", (64, 64), (shade, index, 0)).save(folder / f"{index}.png")


def where(picture, color):
    return np.argwhere((np.asarray(picture) == color).all(-1))


def test_a_column_an_arm_and_a_row_the_first_prompt_of_a_category(runs):
    picture = image_table(find_drawn(runs, READ), "seen")
    color_base, color_plain, shape_base = (where(picture, color) for color in ((50, 0, 0), (200, 0, 0), (50, 2, 0)))
    assert color_base[:, 1].max() < color_plain[:, 1].min()
    assert set(color_base[:, 0]) == set(color_plain[:, 0])
    assert color_base[:, 0].max() < shape_base[:, 0].min()
    for absent in ((50, 1, 0), (50, 3, 0)):
        assert where(picture, absent).size == 0
    assert where(picture, RED)[:, 1].max() < where(picture, GREEN)[:, 1].min()


def test_a_run_without_images_is_left_out(runs):
    assert [each.arm for each in find_drawn(runs, [*READ, replace(READ[1], seed=2)])] == ["base", "plain"]
