"""A scene's relations, with their margins, appear in readings whose places are a pixel or two off."""

from dataclasses import replace

import pytest

from lightning_compose.seeding import generator
from lightning_compose.shapes.oracle.appearance import appears
from lightning_compose.shapes.pairs import ROUND, draw_pair
from lightning_compose.shapes.relations import OPPOSITES, RELATIONS
from lightning_compose.shapes.scenes import Object

OFF = 1 / 64


def pairs_with_relations():
    related = [index for index, (_, category, _) in enumerate(ROUND) if category in ("spatial", "non-spatial")]
    pairs = [draw_pair(4, "train", turn * len(ROUND) + index) for turn in range(25) for index in related]
    return [pair for pair in pairs if pair.description.relations]


def shaken(objects, rng):
    return [replace(item, x=item.x + rng.uniform(-OFF, OFF), y=item.y + rng.uniform(-OFF, OFF)) for item in objects]


def test_relations_appear_and_opposites_do_not():
    seen = set()
    for number, pair in enumerate(pairs_with_relations()):
        (relation,) = pair.description.relations
        objects = shaken(pair.positive.objects, generator(number, "test/shaken"))
        assert appears(objects, relation.name, relation.subject, relation.object), pair
        assert not appears(objects, OPPOSITES[relation.name], relation.subject, relation.object), pair
        seen.add(relation.name)
    assert seen == set(RELATIONS)


@pytest.mark.parametrize("name", ["inside", "outside"])
def test_a_small_ring_holds_nothing(name):
    ring, circle = Object("ring", "red", "plain", 0.5, 0.5, 0.25), Object("circle", "blue", "plain", 0.5, 0.5, 0.2)
    assert not appears([ring, circle], name, 1, 0)


def test_what_lies_in_the_hole_of_a_ring_is_inside():
    ring, circle = Object("ring", "red", "plain", 0.5, 0.5, 0.68), Object("circle", "blue", "plain", 0.5, 0.5, 0.2)
    assert appears([ring, circle], "inside", 1, 0)
    assert not appears([ring, circle], "outside", 1, 0)
    assert not appears([ring, replace(circle, x=0.75)], "inside", 1, 0)
