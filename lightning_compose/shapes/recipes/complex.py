"""Complex: three to five objects of several attributes, one relation among them, and one small change."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from lightning_compose.shapes.description import Relation
from lightning_compose.shapes.recipes.attributes import change
from lightning_compose.shapes.recipes.draft import (
    BACKGROUND_STATED,
    Draft,
    Stated,
    chance,
    describe,
    draw_scene,
    swap_fields,
)
from lightning_compose.shapes.recipes.spatial import exchange, find_relation, negate
from lightning_compose.shapes.scenes import MAX_OBJECTS, Scene

RELATED = 0.6
TEXTURED_OBJECTS = 0.6


def draft_complex(rng: np.random.Generator, split: str) -> Draft | None:
    """Draft a pair of three to five objects whose attributes, or places, are changed for two of them at most.

    Returns:
        None where the objects drawn do not allow the change; draw again.
    """
    positive = draw_scene(rng, split, int(rng.integers(3, MAX_OBJECTS + 1)), TEXTURED_OBJECTS)
    relation = _any_relation(rng, positive) if chance(rng, RELATED) else None
    stated = Stated(color=True, texture=True, background=chance(rng, BACKGROUND_STATED))
    if relation is not None and chance(rng, 0.5):
        return _with_exchange(rng, positive, relation, stated)
    negative = CHANGES[int(rng.integers(len(CHANGES)))](rng, positive)
    relations = (relation,) if relation is not None else ()
    if negative is None:
        return None
    return Draft(positive, negative, describe(positive, stated, relations), describe(negative, stated, relations))


def _with_exchange(rng: np.random.Generator, positive: Scene, relation: Relation, stated: Stated) -> Draft | None:
    negative = exchange(positive, relation.subject, relation.object)
    if negative is None:
        return None
    opposite = negate(rng, relation)
    return Draft(positive, negative, describe(positive, stated, (relation,)), describe(negative, stated, (opposite,)))


def _any_relation(rng: np.random.Generator, scene: Scene) -> Relation | None:
    pairs = list(combinations(range(len(scene.objects)), 2))
    for index in rng.permutation(len(pairs)).tolist():
        relation = find_relation(scene, *pairs[index])
        if relation is not None:
            return relation
    return None


def _swap_colors(rng: np.random.Generator, scene: Scene) -> Scene:
    return swap_fields(scene, *_two(rng, scene), "color")


def _swap_textures(rng: np.random.Generator, scene: Scene) -> Scene | None:
    first, second = _two(rng, scene)
    differ = scene.objects[first].texture != scene.objects[second].texture
    return swap_fields(scene, first, second, "texture") if differ else None


def _change_color(rng: np.random.Generator, scene: Scene) -> Scene:
    return change(rng, scene, "color")


def _change_shape(rng: np.random.Generator, scene: Scene) -> Scene:
    return change(rng, scene, "shape")


def _two(rng: np.random.Generator, scene: Scene) -> tuple[int, int]:
    first, second = rng.permutation(len(scene.objects))[:2].tolist()
    return first, second


CHANGES: tuple[Callable[[np.random.Generator, Scene], Scene | None], ...] = (
    _swap_colors,
    _swap_textures,
    _change_color,
    _change_shape,
)
