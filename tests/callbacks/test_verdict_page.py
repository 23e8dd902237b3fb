"""The page of verdicts: which frame is whose, and what is written below."""

import numpy as np
import pytest
from PIL import Image
from scored import scored

from lightning_compose.callbacks.verdict_page import CROSS, FRAME_PX, GREEN, RED, TICK, caption, frame, verdict_page


@pytest.mark.parametrize(("correct", "color"), [(True, GREEN), (False, RED)])
@pytest.mark.parametrize("side", [32, 64, 512])
def test_the_frame_tells_right_from_wrong(correct, color, side):
    framed = frame(Image.new("RGB", (side, side), "white"), correct)
    pixels = np.asarray(framed)
    assert tuple(pixels[0, 0]) == tuple(pixels[-1, FRAME_PX - 1]) == color
    assert (pixels[FRAME_PX:-FRAME_PX, FRAME_PX:-FRAME_PX] == 255).all()
    assert 150 <= framed.width <= 202


def test_the_caption_says_what_is_asked_and_what_is_wrong():
    assert caption(scored("color", True, "A ring")) == f"{TICK} color, seen: A ring"
    row = scored("color", False, "A ring", split="held_out")
    wrong = f"{CROSS} color, held out: A ring"
    assert caption(row) == wrong
    answers = "A ring? yes | Red? [no] | How many? [3]"
    assert caption(type(row)(**{name: getattr(row, name) for name in row.__slots__} | {"answers": answers})) == (
        f"{wrong} - Red? [no] - How many? [3]"
    )


def test_all_images_are_on_the_page():
    images = [Image.new("RGB", (64, 64), color) for color in ("white", "black")]
    page = np.asarray(verdict_page(images, [scored("color", each, "A ring") for each in (True, False)]))
    assert (page == GREEN).all(-1).any()
    assert (page == RED).all(-1).any()
