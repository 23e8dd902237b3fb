"""The README's picture is of a real pair, and the committed file is the one that its command draws."""

from pathlib import Path

import numpy as np
from PIL import Image

from lightning_compose.shapes.pairs import draw_pair
from lightning_compose.shapes.picture import GAP_PX, PANEL_PX, TITLE_PX, draw_picture, main
from lightning_compose.shapes.render import render

COMMITTED = Path(__file__).parents[2] / "docs" / "images" / "pair.png"


def panel(pixels, column):
    top, left = GAP_PX + TITLE_PX, GAP_PX + column * (PANEL_PX + GAP_PX)
    return pixels[top : top + PANEL_PX, left : left + PANEL_PX]


def test_panels_show_the_pair():
    pair = draw_pair(0, "train", 2)
    picture = draw_picture(pair)
    assert np.array_equal(panel(picture, 0), render(pair.positive, PANEL_PX))
    assert np.array_equal(panel(picture, 1), render(pair.negative, PANEL_PX))
    assert not np.array_equal(panel(picture, 2), panel(picture, 0))


def test_the_committed_picture_is_drawn_by_the_command(tmp_path, capsys):
    main([str(tmp_path / "pair.png")])
    drawn, committed = (np.asarray(Image.open(path)) for path in (tmp_path / "pair.png", COMMITTED))
    for column in range(3):
        assert np.array_equal(panel(drawn, column), panel(committed, column))
    assert "pair" in capsys.readouterr().out
