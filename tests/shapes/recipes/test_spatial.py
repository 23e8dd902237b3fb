"""Spatial: two objects exchange their places and keep all else."""

import dataclasses
from collections import Counter

from lightning_compose.seeding import generator
from lightning_compose.shapes.recipes.spatial import draft_spatial, exchange
from lightning_compose.shapes.relations import holds
from lightning_compose.shapes.scenes import Background, Object, Scene


def test_places_are_exchanged():
    for index in range(60):
        draft = draft_spatial(generator(0, "spatial", index), "train")
        (first, second), (new_first, new_second) = draft.positive.objects, draft.negative.objects
        assert new_first == dataclasses.replace(first, x=second.x, y=second.y)
        assert new_second == dataclasses.replace(second, x=first.x, y=first.y)


def test_relations_hold_in_their_own_scene_alone():
    names = Counter()
    for index in range(80):
        draft = draft_spatial(generator(0, "spatial", index), "train")
        (relation,), (opposite,) = draft.description.relations, draft.negative_description.relations
        assert holds(relation.name, draft.positive, relation.subject, relation.object)
        assert not holds(relation.name, draft.negative, relation.subject, relation.object)
        assert holds(opposite.name, draft.negative, opposite.subject, opposite.object)
        assert not holds(opposite.name, draft.positive, opposite.subject, opposite.object)
        names[relation.name] += 1
    assert min(names[name] for name in ("left of", "right of", "above", "below")) > 5


def test_no_exchange_where_there_is_no_room():
    small = Object("circle", "red", "plain", 0.11, 0.5, 0.2)
    large = Object("square", "blue", "plain", 0.6, 0.5, 0.6)
    assert exchange(Scene(Background("meadow"), (small, large)), 0, 1) is None
