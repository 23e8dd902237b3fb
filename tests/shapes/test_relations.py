"""Relations hold with a clear margin or not at all."""

import pytest

from lightning_compose.shapes.relations import (
    NON_SPATIAL,
    OPPOSITES,
    RELATIONS,
    SPATIAL,
    hidden_share,
    holds,
    separation,
)
from lightning_compose.shapes.scenes import Background, Object, Scene


def item(shape, x, y, size):
    return Object(shape, "red", "plain", x, y, size)


def scene(*objects):
    return Scene(Background("meadow"), objects)


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("left of", ("circle", 0.25, 0.5, 0.3), ("heart", 0.75, 0.55, 0.3)),
        ("above", ("circle", 0.5, 0.2, 0.3), ("heart", 0.45, 0.8, 0.3)),
        ("touching", ("circle", 0.3, 0.5, 0.3), ("circle", 0.6, 0.5, 0.3)),
        ("far from", ("circle", 0.2, 0.2, 0.3), ("circle", 0.8, 0.8, 0.3)),
        ("outside", ("circle", 0.2, 0.2, 0.2), ("square", 0.7, 0.7, 0.5)),
        ("larger than", ("circle", 0.3, 0.3, 0.5), ("square", 0.8, 0.8, 0.25)),
    ],
)
def test_relation_holds_and_its_opposite_does_not(name, first, second):
    pair = scene(item(*first), item(*second))
    assert holds(name, pair, 0, 1)
    assert not holds(OPPOSITES[name], pair, 0, 1)


@pytest.mark.parametrize("name", ["left of", "above", "larger than"])
def test_opposite_holds_with_the_roles_exchanged(name):
    pair = scene(item("circle", 0.2, 0.2, 0.2), item("square", 0.25, 0.8, 0.2))
    wide = scene(item("circle", 0.2, 0.2, 0.2), item("square", 0.8, 0.25, 0.35))
    for each in (pair, wide):
        assert holds(name, each, 0, 1) == holds(OPPOSITES[name], each, 1, 0)
        assert holds(name, each, 1, 0) == holds(OPPOSITES[name], each, 0, 1)


def test_a_diagonal_is_no_direction():
    pair = scene(item("circle", 0.2, 0.2, 0.2), item("square", 0.7, 0.7, 0.2))
    assert not any(holds(name, pair, 0, 1) for name in SPATIAL)


def test_circles_separate_by_their_distance():
    for gap in (-0.05, 0.0, 0.1, 0.3):
        first, second = item("circle", 0.2, 0.5, 0.25), item("circle", 0.45 + gap, 0.5, 0.25)
        assert separation(first, second) == pytest.approx(gap, abs=0.011)


@pytest.mark.parametrize("container", ["circle", "square", "heart"])
def test_inside_is_inside_the_body(container):
    around = item(container, 0.5, 0.5, 0.6)
    assert holds("inside", scene(around, item("circle", 0.5, 0.5, 0.2)), 1, 0)
    assert not holds("inside", scene(around, item("circle", 0.75, 0.5, 0.2)), 1, 0)
    assert not holds("outside", scene(around, item("circle", 0.75, 0.5, 0.2)), 1, 0)


def test_inside_a_ring_is_in_its_hole():
    ring = item("ring", 0.5, 0.5, 0.7)
    assert holds("inside", scene(ring, item("circle", 0.5, 0.5, 0.2)), 1, 0)
    assert not holds("inside", scene(ring, item("circle", 0.75, 0.5, 0.2)), 1, 0)


def test_covering_follows_the_order_of_drawing():
    pair = scene(item("square", 0.4, 0.5, 0.4), item("square", 0.65, 0.5, 0.4))
    assert holds("covering", pair, 1, 0)
    assert holds("behind", pair, 0, 1)
    assert not holds("covering", pair, 0, 1)
    assert not holds("behind", pair, 1, 0)


def test_hidden_share():
    lower = item("square", 0.4, 0.5, 0.5)
    assert hidden_share(lower, lower) == 1.0
    assert hidden_share(lower, item("square", 0.62, 0.5, 0.5)) == pytest.approx(0.5, abs=0.03)
    assert hidden_share(lower, item("square", 0.9, 0.5, 0.19)) == 0.0


def test_every_relation_has_words_and_an_opposite():
    assert set(OPPOSITES) == set(RELATIONS) == set(SPATIAL) | set(NON_SPATIAL)
    assert all(OPPOSITES[OPPOSITES[name]] == name for name in RELATIONS)
    assert all(words.modifiers and words.predicates for words in RELATIONS.values())
