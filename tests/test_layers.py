"""Layers chosen by name, start of a name, resolution or as the default."""

import pytest

from lightning_compose.layers import select_attention, select_blocks

RESOLUTIONS = {
    "down_0.0": "1/1",
    "down_1.0": "1/2",
    "mid.0": "1/4",
    "up_1.0.0": "1/2",
    "up_1.0.1": "1/2",
    "up_1.1.0": "1/2",
    "up_10.0": "1/1",
}


@pytest.mark.parametrize(
    ("selectors", "names"),
    [
        ((), ()),
        (("down_1.0",), ("down_1.0",)),
        (("mid",), ("mid.0",)),
        (("down",), ("down_0.0", "down_1.0")),
        (("up_1",), ("up_1.0.0", "up_1.0.1", "up_1.1.0")),  # not up_10
        (("up_1.0",), ("up_1.0.0", "up_1.0.1")),
        (("up_10", "mid", "mid.0", "down_1"), ("down_1.0", "mid.0", "up_10.0")),  # the model's order, each once
        (("default",), ("mid.0", "up_1.0.0", "up_1.0.1", "up_1.1.0", "up_10.0")),
        (("1/1",), ("up_10.0",)),  # of the default layers only
        (("1/4", "down_0"), ("down_0.0", "mid.0")),
    ],
)
def test_selectors_select(selectors, names):
    assert select_attention(selectors, RESOLUTIONS, default=("mid", "up")) == names


@pytest.mark.parametrize("selector", ["up_128", "up_0", "u", "", "1/32", "DEFAULT", "mid.1"])
def test_a_selector_of_nothing_is_told_what_there_is(selector):
    with pytest.raises(ValueError, match="Expected `layers` to name layers of attention to the text, got") as error:
        select_attention((selector,), RESOLUTIONS, default=("mid", "up"))
    assert repr(selector) in str(error.value)
    for known in [*RESOLUTIONS, "default", "1/1", "1/2", "1/4"]:
        assert repr(known) in str(error.value)


def test_blocks_are_selected_by_name_or_start_and_listed_when_the_name_is_wrong():
    blocks = {"down_0": 8, "down_1": 16, "mid": 16}
    assert select_blocks(("mid", "down_0"), blocks) == ("down_0", "mid")
    assert select_blocks(("down",), blocks) == ("down_0", "down_1")
    with pytest.raises(ValueError, match=r"to name blocks, got 'up_0'\. Known: \['down_0', 'down_1', 'mid'\]"):
        select_blocks(("up_0",), blocks)


def test_the_default_blocks_are_selected_by_that_word_where_there_are_any():
    blocks = ["block_0", "block_1", "block_10"]
    assert select_blocks(("default",), blocks, default=("block_1",)) == ("block_1",)
    assert select_blocks(("block_0", "default"), blocks, default=("block_10",)) == ("block_0", "block_10")
    with pytest.raises(ValueError, match=r"got 'block_2'\. Known: .*'default'"):
        select_blocks(("block_2",), blocks, default=("block_1",))
    with pytest.raises(ValueError, match="got 'default'"):
        select_blocks(("default",), blocks)
