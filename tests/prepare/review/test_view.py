"""What an annotator sees: both images, in the order that was drawn, and nothing that tells them apart."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from made_pairs import COLORS, made_workspace
from PIL import Image

from lightning_compose.prepare.pack import read_results
from lightning_compose.prepare.review.pairs import pairs
from lightning_compose.prepare.review.view import BOTH, ONE, pair_view, progress
from lightning_compose.prepare.rows import MasksRow


@pytest.fixture
def pair(tmp_path):
    """A red square; a green one is its negative."""
    workspace = made_workspace(tmp_path / "w", 1)
    (masks,) = workspace.rows("masks", MasksRow)
    (result,) = read_results(workspace)
    return pairs([replace(result, masks=masks)], False, workspace)[0]


def pictures(view):
    sources = re.findall(r'src="data:image/\w+;base64,([^"]+)"', view)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(each))).convert("RGB")) for each in sources]


def middle(view):
    return [tuple(each[16, 16]) for each in pictures(view)]


def test_each_image_is_over_its_caption_on_the_side_that_was_drawn(pair):
    red, green = "a <mark>red</mark> square on white", "a <mark>green</mark> square on white"
    left, right = pair_view(pair, "positive", False), pair_view(pair, "negative", False)
    assert re.findall("<figcaption>(.*?)</figcaption>", left) == [red, green]
    assert re.findall("<figcaption>(.*?)</figcaption>", right) == [green, red]
    assert middle(left) == [COLORS["red"], COLORS["green"]]
    assert middle(right) == [COLORS["green"], COLORS["red"]]
    assert BOTH in left


def test_nothing_in_it_says_which_is_which(pair):
    view = re.sub(r"base64,[^\"]+", "", pair_view(pair, "negative", False))
    assert not re.search("positive|negative|candidates|single-color", view)


def test_masks_lie_over_the_positive_when_they_are_asked_for(pair):
    left, right = pictures(pair_view(pair, "positive", True))
    assert tuple(left[16, 16]) != COLORS["red"]
    assert tuple(left[0, 0]) == (255, 255, 255)
    assert tuple(right[16, 16]) == COLORS["green"]
    assert ">square</span>" in pair_view(pair, "positive", True)


def test_a_noun_without_a_mask_is_told(pair):
    (noun,) = pair.nouns
    without = replace(pair, nouns=(replace(noun, mask=None, text="<square>"),))
    assert "<span>&lt;square&gt;: not found</span>" in pair_view(without, "positive", True)
    assert "There are no masks." in pair_view(replace(pair, nouns=()), "positive", True)
    assert middle(pair_view(without, "positive", True))[0] == COLORS["red"]


def test_a_positive_alone_is_one_image(pair):
    view = pair_view(replace(pair, negative=None, negative_caption=None), "positive", False)
    assert ONE in view
    assert middle(view) == [COLORS["red"]]
    assert "<figcaption>a red square on white</figcaption>" in view


def test_progress_is_told():
    assert "3 of 8" in progress(3, 8)
    assert "width: 37.5%" in progress(3, 8)
