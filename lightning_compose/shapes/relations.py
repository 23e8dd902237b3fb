"""Relations between two objects: the words for them, and when they hold.

Each holds with a clear margin or not at all, so that no eye and no program has to guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lightning_compose.shapes.layout import apart
from lightning_compose.shapes.render import footprint, signed_distance
from lightning_compose.shapes.scenes import Object, Scene

GRID_PX = 96
CLEAR = 0.15  # least distance of two centres for one to be left of the other, in sides of the image
STEEPNESS = 2.0  # how much farther along the direction than across it
FAR = 0.18  # least distance of two outlines
TOUCH = 0.012  # most distance, or overlap, of two outlines that touch
BORDER = 0.01  # least width of what shows all around an object inside another
RING_HOLE = 0.4  # of the ring's size
SIZE_RATIO = 1.5
OVERLAP = (0.12, 0.33)  # share of the lower object that the upper one hides


@dataclass(frozen=True, slots=True)
class Words:
    """How to say a relation: after a noun ("a circle *that is larger than*") and after "is" ("*larger than*")."""

    modifiers: tuple[str, ...]
    predicates: tuple[str, ...]


def _same(*words: str) -> Words:
    return Words(words, words)


RELATIONS: dict[str, Words] = {
    "left of": _same("to the left of", "on the left of", "left of"),
    "right of": _same("to the right of", "on the right of", "right of"),
    "above": _same("above"),
    "below": _same("below"),
    "touching": _same("touching"),
    "far from": _same("far away from"),
    "inside": _same("inside"),
    "outside": _same("outside"),
    "covering": _same("covering part of", "partly covering"),
    "behind": _same("partly hidden behind", "partly behind"),
    "larger than": Words(("that is larger than", "that is bigger than"), ("larger than", "bigger than")),
    "smaller than": Words(("that is smaller than",), ("smaller than",)),
}
SPATIAL = ("left of", "right of", "above", "below")
NON_SPATIAL = tuple(name for name in RELATIONS if name not in SPATIAL)

# What the negative says: the opposite, with the same subject.
OPPOSITES: dict[str, str] = {
    "left of": "right of",
    "above": "below",
    "touching": "far from",
    "inside": "outside",
    "covering": "behind",
    "larger than": "smaller than",
}
OPPOSITES |= {second: first for first, second in OPPOSITES.items()}


def holds(name: str, scene: Scene, first: int, second: int) -> bool:
    """Whether object `first` of the scene is `name` (such as "left of") object `second`."""
    if name == "behind":
        return holds("covering", scene, second, first)
    if name == "covering":
        return first > second and _within(hidden_share(scene.objects[second], scene.objects[first]), OVERLAP)
    return PREDICATES[name](scene.objects[first], scene.objects[second])


def hidden_share(lower: Object, upper: Object) -> float:
    """Return the share of `lower` that `upper` hides, in [0, 1]."""
    below, above = _field(lower) < 0, _field(upper) < 0
    return float((below & above).sum() / below.sum())


def separation(first: Object, second: Object) -> float:
    """Return the distance between two outlines in sides of the image, about; negative where they overlap."""
    return 2.0 * float(np.maximum(_field(first), _field(second)).min())


def body_or_hole(item: Object) -> Object:
    """Return what can hold something: the object itself, or a ring's hole as a circle."""
    if item.shape != "ring":
        return item
    return Object("circle", item.color, item.texture, item.x, item.y, RING_HOLE * item.size)


def _field(item: Object) -> np.ndarray:
    centres = (np.arange(GRID_PX) + 0.5) / GRID_PX
    return signed_distance(item, centres[None, :], centres[:, None])


def _ahead(along: float, across: float) -> bool:
    return along >= max(CLEAR, STEEPNESS * abs(across))


def _left_of(first: Object, second: Object) -> bool:
    return _ahead(second.x - first.x, second.y - first.y)


def _above(first: Object, second: Object) -> bool:
    return _ahead(second.y - first.y, second.x - first.x)


def _touching(first: Object, second: Object) -> bool:
    return abs(separation(first, second)) <= TOUCH


def _far_from(first: Object, second: Object) -> bool:
    return separation(first, second) >= FAR


def _inside(first: Object, second: Object) -> bool:
    return not footprint(first, GRID_PX)[_enclosure(second) > -BORDER].any()


def _outside(first: Object, second: Object) -> bool:
    return apart((first.x, first.y, first.size), (second.x, second.y, second.size))


def _larger_than(first: Object, second: Object) -> bool:
    return first.size >= SIZE_RATIO * second.size


def _enclosure(item: Object) -> np.ndarray:
    """Return the field of what can lie inside `item`."""
    return _field(body_or_hole(item))


PREDICATES: dict[str, Callable[[Object, Object], bool]] = {
    "left of": _left_of,
    "right of": lambda first, second: _left_of(second, first),
    "above": _above,
    "below": lambda first, second: _above(second, first),
    "touching": _touching,
    "far from": _far_from,
    "inside": _inside,
    "outside": _outside,
    "larger than": _larger_than,
    "smaller than": lambda first, second: _larger_than(second, first),
}


def _within(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]
