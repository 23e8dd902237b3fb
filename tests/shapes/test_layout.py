"""Objects keep to the frame and apart."""

from itertools import combinations

import pytest

from lightning_compose.seeding import generator
from lightning_compose.shapes.layout import GAP, SIZES, apart, in_frame, rounded, scatter
from lightning_compose.shapes.scenes import MIN_SIZE


@pytest.mark.parametrize("count", SIZES)
def test_scatter(count):
    for index in range(20):
        places = scatter(generator(0, "scatter", index), count)
        assert len(places) == count
        assert all(in_frame(place) and SIZES[count][0] <= place[2] <= SIZES[count][1] for place in places)
        assert all(apart(*pair) for pair in combinations(places, 2))


def test_apart_is_measured_between_boxes():
    assert apart((0.2, 0.5, 0.2), (0.4 + GAP + 0.001, 0.5, 0.2))
    assert not apart((0.2, 0.5, 0.2), (0.4 + GAP - 0.001, 0.5, 0.2))


def test_frame():
    assert in_frame((0.2, 0.5, 0.4))
    assert not in_frame((0.19, 0.5, 0.4))
    assert not in_frame((0.5, 0.81, 0.4))


def test_the_smallest_objects_are_allowed():
    assert min(low for low, _ in SIZES.values()) >= MIN_SIZE


def test_rounded_is_a_plain_float():
    assert rounded(1 / 3) == 0.333
    assert type(rounded(generator(0, "x").random())) is float
