"""A CLIP's folder: pixels as it was trained with, prompts as it reads them."""

import json

import pytest
import torch
from PIL import Image
from tiny_clip import save_tiny_clip

from lightning_compose.evaluation.clip import Clip


@pytest.fixture
def folder(tmp_path):
    return save_tiny_clip(tmp_path / "clip")


def test_pixels_are_those_of_the_world_by_default(folder):
    pixels = Clip(str(folder)).pixels([Image.new("RGB", (16, 16), (0, 255, 51))])
    torch.testing.assert_close(pixels[0, :, 3, 3], torch.tensor([-1.0, 1.0, -0.6]))


def test_pixels_are_scaled_cropped_and_normalised_as_the_folder_says(folder):
    settings = {"image_mean": [0.0, 0.5, 0.2], "image_std": [1.0, 0.25, 1.0]}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    wide = Image.new("RGB", (64, 32), "white")
    wide.paste("black", (0, 0, 8, 32))  # left of the centre crop
    pixels = Clip(str(folder)).pixels([wide, wide])
    assert pixels.shape == (2, 3, 16, 16)
    for column in (0, 8):
        torch.testing.assert_close(pixels[0, :, 8, column], torch.tensor([1.0, 2.0, 0.8]))


def test_rows_stay_rows(folder):
    picture = Image.new("RGB", (16, 16), "white")
    picture.paste("black", (0, 8, 16, 16))  # the lower half
    pixels = Clip(str(folder)).pixels([picture])
    assert (pixels[0, :, 2, :] > 0.9).all()
    assert (pixels[0, :, 13, :] < -0.9).all()


def test_prompts_are_padded_and_cut_off(folder):
    clip = Clip(str(folder))
    assert clip.tokens(["a", "a ring"]).shape == (2, 7)
    assert clip.tokens(["a" * 500]).shape == (1, 77)


def test_refuses_what_is_no_clip(tmp_path):
    with pytest.raises(ValueError, match=r"found no config\.json"):
        Clip(str(tmp_path))
