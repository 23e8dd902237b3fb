"""The page of verdicts: which frame is whose, and what is written below."""

import numpy as np
import pytest
from PIL import Image
from scored import scored

from lightning_compose.callbacks import verdict_page as module
from lightning_compose.callbacks.grid import image_grid
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


def test_each_image_has_its_own_frame_and_its_own_caption(monkeypatch):
    images = [Image.new("RGB", (64, 64), (shade, 0, 0)) for shade in (10, 20, 30)]
    scores = [scored("color", text == "b", text) for text in "abc"]
    taken = []
    monkeypatch.setattr(module, "image_grid", lambda *given: taken.extend(given) or image_grid(*given))
    page = np.asarray(verdict_page(images, scores))
    framed, captions, _ = taken
    assert [each.getpixel((0, 0)) for each in framed] == [RED, GREEN, RED]
    assert [each.getpixel((each.width // 2, each.height // 2)) for each in framed] == [
        (10, 0, 0),
        (20, 0, 0),
        (30, 0, 0),
    ]
    assert captions == [caption(each) for each in scores]
    columns = [np.argwhere((page == (shade, 0, 0)).all(-1))[:, 1].min() for shade in (10, 20, 30)]
    assert columns == sorted(set(columns))
