"""Training never shows, nor names, what is held out; testing always does."""

import re

import pytest

from lightning_compose.shapes.captions import phrase
from lightning_compose.shapes.description import Description, Group, Relation
from lightning_compose.shapes.holdout import ATTRIBUTES, PAIRS, SPLITS, shown, stated
from lightning_compose.shapes.palette import COLORS, PLAIN, SHAPES, TEXTURES
from lightning_compose.shapes.scenes import Background, Object, Scene


def test_the_list_is_of_this_world():
    assert set(ATTRIBUTES) == {*COLORS, *TEXTURES} - {PLAIN}
    assert set(ATTRIBUTES.values()) <= set(SHAPES)
    assert all(len(pair) == 2 and pair <= set(SHAPES) for pair in PAIRS)
    assert SPLITS == ("train", "held_out")


def test_what_a_scene_shows():
    objects = (
        Object("heart", "orange", "checkered", 0.2, 0.2, 0.2),
        Object("five-pointed star", "red", "plain", 0.7, 0.7, 0.2),
    )
    assert shown(Scene(Background("meadow"), objects)) == {
        ("orange", "heart"),
        ("checkered", "heart"),
        ("five-pointed star", "heart"),
    }
    assert not shown(Scene(Background("meadow"), objects[1:]))


def test_what_a_caption_states():
    heart, star = Group("heart", (0,), "orange"), Group("five-pointed star", (1,))
    assert stated(Description((heart, star))) == {("orange", "heart")}
    assert stated(Description((star, heart), (Relation("above", 0, 1),))) == {
        ("orange", "heart"),
        ("five-pointed star", "heart"),
    }


def test_training_shows_nothing_held_out(train_pairs):
    assert not any(shown(scene) for pair in train_pairs for scene in (pair.positive, pair.negative))


@pytest.mark.parametrize("side", ["description", "negative_description"])
def test_training_names_nothing_held_out(train_pairs, side):
    # An independent reading of the text: all that its nouns' attributes say, by adjacency.
    stems = {"striped": "(striped|stripes)", "dotted": "(dotted|dots)", "checkered": "(checkered|checks)"}
    attribute = "|".join(
        rf"\b{stems.get(value, value)} (\w+ )?{shape}|{shape}s? (with|is|are) {stems.get(value, value)}"
        for value, shape in ATTRIBUTES.items()
    )
    for pair in train_pairs:
        text = phrase(getattr(pair, side), pair.style).text.lower()
        assert not re.search(attribute, text), text
        assert not any(all(re.search(rf"\b{shape}", text) for shape in each) for each in PAIRS), text


def test_the_independent_reading_would_find_them(held_out_pairs):
    with pytest.raises(AssertionError):
        test_training_names_nothing_held_out(held_out_pairs, "description")


def test_held_out_captions_state_one_at_least(held_out_pairs):
    for pair in held_out_pairs:
        assert stated(pair.description)
        assert stated(pair.description) <= shown(pair.positive)


def test_held_out_pairs_reach_the_whole_list(held_out_pairs):
    found = set().union(*(stated(pair.description) for pair in held_out_pairs))
    assert set(ATTRIBUTES.items()) <= found
    assert {tuple(sorted(pair)) for pair in PAIRS} <= found


def test_training_shows_every_shape_with_many_attributes(train_pairs):
    objects = [item for pair in train_pairs for item in pair.positive.objects]
    assert len({(item.color, item.shape) for item in objects}) == len(SHAPES) * (len(COLORS) - 1)
    textures = {(item.texture, item.shape) for item in objects}
    assert len(textures) == len(SHAPES) * len(TEXTURES) - 3
