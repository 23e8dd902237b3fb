"""Spatial: two objects exchange their places."""

from __future__ import annotations

import numpy as np

from lightning_compose.shapes.casting import draw_cast
from lightning_compose.shapes.description import Relation
from lightning_compose.shapes.layout import apart, in_frame, place_of, scatter
from lightning_compose.shapes.recipes.draft import (
    BACKGROUND_STATED,
    COLOR_STATED,
    TEXTURED,
    Draft,
    Stated,
    chance,
    describe,
    set_scene,
    swap_fields,
    swap_roles,
)
from lightning_compose.shapes.relations import OPPOSITES, SPATIAL, holds
from lightning_compose.shapes.scenes import Scene

ROLES_SWAPPED = 0.5


def draft_spatial(rng: np.random.Generator, split: str) -> Draft:
    """Draft a pair of two objects, one beside or above the other."""
    cast = draw_cast(rng, split, 2, TEXTURED)
    while True:
        positive = set_scene(rng, cast, scatter(rng, 2))
        relation, negative = find_relation(positive, 0, 1), exchange(positive, 0, 1)
        if relation is not None and negative is not None:
            break
    opposite = negate(rng, relation)
    stated = Stated(color=chance(rng, COLOR_STATED), background=chance(rng, BACKGROUND_STATED))
    return Draft(positive, negative, describe(positive, stated, (relation,)), describe(negative, stated, (opposite,)))


def find_relation(scene: Scene, first: int, second: int) -> Relation | None:
    """Return the spatial relation that holds between two objects with a clear margin, or None."""
    for name in SPATIAL:
        if holds(name, scene, first, second):
            return Relation(name, first, second)
    return None


def exchange(scene: Scene, first: int, second: int) -> Scene | None:
    """Let two objects exchange their places; None if they would leave the frame or meet another object."""
    swapped = swap_fields(scene, first, second, "x", "y")
    places = [place_of(item) for item in swapped.objects]
    moved = {first, second}
    clear = all(apart(places[index], place) for index in moved for other, place in enumerate(places) if other != index)
    return swapped if clear and all(in_frame(places[index]) for index in moved) else None


def negate(rng: np.random.Generator, relation: Relation) -> Relation:
    """Say what holds after the exchange: the opposite relation, or the same with the roles exchanged."""
    if chance(rng, ROLES_SWAPPED):
        return swap_roles(relation)
    return Relation(OPPOSITES[relation.name], relation.subject, relation.object)
