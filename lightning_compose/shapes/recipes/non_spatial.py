"""Non-spatial: relations without a direction. One object moves, or two exchange their order or their sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lightning_compose.shapes.casting import draw_cast
from lightning_compose.shapes.description import Relation
from lightning_compose.shapes.layout import Place, apart, in_frame, place_of, random_place, rounded
from lightning_compose.shapes.palette import PLAIN
from lightning_compose.shapes.recipes.draft import (
    BACKGROUND_STATED,
    COLOR_STATED,
    TEXTURED,
    Draft,
    Stated,
    chance,
    describe,
    replace_object,
    set_scene,
    swap_fields,
)
from lightning_compose.shapes.relations import OPPOSITES, holds, separation
from lightning_compose.shapes.scenes import Object, Scene

# Bodies that can hold something, and how large they must be for it: a ring holds it in its hole.
CONTAINERS: dict[str, tuple[float, float]] = {
    "circle": (0.5, 0.6),
    "square": (0.5, 0.6),
    "heart": (0.56, 0.62),
    "ring": (0.66, 0.7),
}
CONTENT_SIZE = (0.1875, 0.21)
TOUCHING_SIZE = (0.3, 0.38)
COVERING_SIZE = (0.42, 0.5)
LARGE, SMALL = (0.44, 0.5), (0.22, 0.26)
CONTACT = -0.006  # outlines overlap by less than half a pixel at 64 px, so that no light falls between them
TURNED = 0.35


class Arrangement(NamedTuple):
    """A scene in which object `subject` has a relation to the other of two, and one in which it has the opposite."""

    scene: Scene
    subject: int
    opposite: Scene
    opposite_subject: int


def draft_non_spatial(rng: np.random.Generator, split: str) -> Draft:
    """Draft a pair of two objects that touch, overlap, hold each other or differ in size."""
    name = tuple(ARRANGERS)[int(rng.integers(len(ARRANGERS)))]
    scene, subject, opposite, opposite_subject = _arrange(rng, split, name)
    sides = [(scene, Relation(name, subject, 1 - subject))]
    sides.append((opposite, Relation(OPPOSITES[name], opposite_subject, 1 - opposite_subject)))
    if chance(rng, TURNED):
        sides.reverse()
    stated = Stated(color=chance(rng, COLOR_STATED), background=chance(rng, BACKGROUND_STATED))
    (positive, relation), (negative, negation) = sides
    return Draft(positive, negative, describe(positive, stated, (relation,)), describe(negative, stated, (negation,)))


def _arrange(rng: np.random.Generator, split: str, name: str) -> Arrangement:
    """Draw until both relations hold: the easy ones would crowd out the others if each draw chose anew."""
    while True:
        arranged = ARRANGERS[name](rng, split)
        if arranged is not None and _is_clear(name, arranged):
            return arranged


def _is_clear(name: str, arranged: Arrangement) -> bool:
    scene, subject, opposite, opposite_subject = arranged
    framed = all(in_frame(place_of(item)) for item in (*scene.objects, *opposite.objects))
    return (
        framed
        and holds(name, scene, subject, 1 - subject)
        and holds(OPPOSITES[name], opposite, opposite_subject, 1 - opposite_subject)
    )


def _arrange_touching(rng: np.random.Generator, split: str) -> Arrangement:
    places = [_place(rng, TOUCHING_SIZE), _place(rng, TOUCHING_SIZE)]
    apart_scene = set_scene(rng, draw_cast(rng, split, 2, TEXTURED), places)
    x, y = _slide_to_contact(rng, *apart_scene.objects)
    return Arrangement(replace_object(apart_scene, 0, x=x, y=y), 0, apart_scene, 0)


def _arrange_inside(rng: np.random.Generator, split: str) -> Arrangement | None:
    container, content = draw_cast(rng, split, 2, TEXTURED)
    if container.shape not in CONTAINERS:
        return None
    around = _place(rng, CONTAINERS[container.shape])
    beside = _place_beside(rng, around)
    if beside is None:
        return None
    # What lies inside is drawn last; on a texture it would be hard to see.
    outside = set_scene(rng, [container._replace(texture=PLAIN), content], [around, beside])
    jitter = rng.uniform(-0.04, 0.04, size=2) if container.shape != "ring" else np.zeros(2)
    inside = replace_object(outside, 1, x=rounded(around[0] + jitter[0]), y=rounded(around[1] + jitter[1]))
    return Arrangement(inside, 1, outside, 1)


def _arrange_covering(rng: np.random.Generator, split: str) -> Arrangement | None:
    places = [_place(rng, COVERING_SIZE), _place(rng, COVERING_SIZE)]
    behind = set_scene(rng, draw_cast(rng, split, 2, TEXTURED), places)
    covering = dataclasses.replace(behind, objects=behind.objects[::-1])
    return Arrangement(covering, 1, behind, 0)


def _arrange_larger(rng: np.random.Generator, split: str) -> Arrangement | None:
    first, second = _place(rng, LARGE), _place(rng, LARGE)
    shrunk = (*second[:2], _place(rng, SMALL)[2])
    larger = set_scene(rng, draw_cast(rng, split, 2, TEXTURED), [first, shrunk])
    smaller = swap_fields(larger, 0, 1, "size")
    return Arrangement(larger, 0, smaller, 0) if apart(first, shrunk) else None


ARRANGERS: dict[str, Callable[[np.random.Generator, str], Arrangement | None]] = {
    "touching": _arrange_touching,
    "inside": _arrange_inside,
    "covering": _arrange_covering,
    "larger than": _arrange_larger,
}


def _place(rng: np.random.Generator, sizes: tuple[float, float]) -> Place:
    return random_place(rng, rounded(rng.uniform(*sizes)))


def _place_beside(rng: np.random.Generator, around: Place) -> Place | None:
    candidates = (_place(rng, CONTENT_SIZE) for _ in range(200))
    return next((place for place in candidates if apart(place, around)), None)


def _slide_to_contact(rng: np.random.Generator, mover: Object, fixed: Object) -> tuple[float, float]:
    """Return the place where `mover`, coming from a random direction, meets `fixed`."""
    direction = rng.uniform(-1.0, 1.0, size=2)
    direction /= np.sqrt((direction**2).sum())
    near, far = 0.0, mover.size + fixed.size
    for _ in range(9):
        middle = (near + far) / 2
        x, y = fixed.x + middle * direction[0], fixed.y + middle * direction[1]
        if separation(dataclasses.replace(mover, x=x, y=y), fixed) > CONTACT:
            far = middle
        else:
            near = middle
    return rounded(fixed.x + near * direction[0]), rounded(fixed.y + near * direction[1])
