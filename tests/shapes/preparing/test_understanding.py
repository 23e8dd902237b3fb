"""Captions of the world, taken apart."""

import pytest

from lightning_compose.shapes.captions import phrase
from lightning_compose.shapes.pairs import ROUND, draw_pair
from lightning_compose.shapes.preparing.understanding import understand
from lightning_compose.shapes.questions import ask


def facts(description):
    """What a description states, whatever its groups are called."""
    return sorted((each.kind, each.arguments, each.answer) for each in ask(description))


@pytest.mark.parametrize("index", range(2 * len(ROUND)))
def test_captions_of_every_recipe_are_understood(index):
    pair = draw_pair(5, "train", index)
    for description in (pair.description, pair.negative_description):
        caption = phrase(description, pair.style).text
        found, style = understand(caption)
        assert facts(found) == facts(description)
        assert phrase(found, style).text == caption


@pytest.mark.parametrize("caption", ["", "A dog", "A red ring and a dog", "A ring ring", "zero rings", "a ring"])
def test_other_captions_are_not(caption):
    assert understand(caption) is None
