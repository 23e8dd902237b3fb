"""A diffusers pipeline as painter: each image of its own seed, in the prompts' order."""

import numpy as np
import pytest

from lightning_compose.prepare.models.diffusers_painter import DiffusersPainter

PROMPTS = ["a red circle", "a blue square", "a red circle"]


@pytest.fixture(scope="module")
def painter(tiny_pipeline):
    settings = {"num_inference_steps": 1, "guidance_scale": 1.0, "size_px": 16, "device": "cpu"}
    return DiffusersPainter(str(tiny_pipeline), batch_size=2, name="tiny", **settings)


def pixels(images):
    return [np.asarray(image) for image in images]


def test_an_image_is_of_its_prompt_and_seed(painter):
    first, other, again = pixels(painter.paint(PROMPTS, [7, 8, 7]))
    assert first.shape == (16, 16, 3)
    assert painter.name == "tiny"
    assert not np.array_equal(first, other)
    # Beside another one and alone: the same up to the last bits.
    np.testing.assert_allclose(first.astype(int), again.astype(int), atol=1)


def test_another_seed_is_another_image(painter):
    first, other = pixels(painter.paint([PROMPTS[0]] * 2, [7, 9]))
    assert not np.array_equal(first, other)


def test_the_same_call_gives_the_same_bytes(painter):
    once, twice = (pixels(painter.paint(PROMPTS, [1, 2, 3])) for _ in range(2))
    np.testing.assert_array_equal(once, twice)


def test_numbers_below_one_are_refused_before_anything_is_loaded():
    with pytest.raises(ValueError, match="Expected `batch_size` to be at least 1, got 0"):
        DiffusersPainter("nowhere", batch_size=0)
