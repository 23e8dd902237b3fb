"""A cast differs in shape and colour, and keeps to its split."""

import pytest

from lightning_compose.seeding import generator
from lightning_compose.shapes.casting import draw_cast, draw_texture
from lightning_compose.shapes.holdout import held_out_company, held_out_traits


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("split", ["train", "held_out"])
def test_cast(split, count):
    for index in range(40):
        cast = draw_cast(generator(0, "cast", index), split, count, textured=0.5)
        assert len({each.shape for each in cast}) == len({each.color for each in cast}) == count
        held_out = [each for each in cast if held_out_traits(*each)]
        assert bool(held_out or held_out_company(each.shape for each in cast)) == (split == "held_out")


def test_textured_is_a_probability():
    rng = generator(0, "texture")
    assert {draw_texture(rng, 0.0) for _ in range(20)} == {"plain"}
    assert "plain" not in {draw_texture(rng, 1.0) for _ in range(20)}
