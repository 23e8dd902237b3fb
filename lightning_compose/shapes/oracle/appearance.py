"""Relations between objects as they were read from an image, whose places are a pixel or so off.

A relation of a scene holds with a clear margin or is not asked for (`relations.holds`), so the bounds here lie
between those of a relation and of its opposite. Lengths are in sides of the image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from lightning_compose.shapes.relations import RING_HOLE, body_or_hole, hidden_share, separation
from lightning_compose.shapes.scenes import MIN_SIZE, Object

CLEAR = 0.05
STEEPNESS = 1.0
TOUCH = 0.06
FAR = 0.1
SIZE_RATIO = 1.2
LEAST_HOLDER = MIN_SIZE / RING_HOLE  # a smaller ring's hole holds no object that the world has
LEAST_INSIDE = 0.75  # share of an object's area
MOST_OUTSIDE = 0.1
LEAST_HIDDEN, MOST_HIDDEN = 0.04, 0.6


def appears(objects: Sequence[Object], name: str, first: int, second: int) -> bool:
    """Whether `first` of the objects, the last one on top, appears to be `name` (such as "left of") `second`."""
    if name == "behind":
        return appears(objects, "covering", second, first)
    if name == "covering":
        return first > second and LEAST_HIDDEN <= hidden_share(objects[second], objects[first]) <= MOST_HIDDEN
    return PREDICATES[name](objects[first], objects[second])


def _left_of(first: Object, second: Object) -> bool:
    return second.x - first.x >= max(CLEAR, STEEPNESS * abs(second.y - first.y))


def _above(first: Object, second: Object) -> bool:
    return second.y - first.y >= max(CLEAR, STEEPNESS * abs(second.x - first.x))


def _larger_than(first: Object, second: Object) -> bool:
    return first.size >= SIZE_RATIO * second.size


def _inside(first: Object, second: Object) -> bool:
    holder = body_or_hole(second) if second.size >= LEAST_HOLDER else None
    return holder is not None and hidden_share(first, holder) >= LEAST_INSIDE


def _outside(first: Object, second: Object) -> bool:
    hull = replace(second, shape="circle") if second.shape == "ring" else second
    return hidden_share(first, hull) <= MOST_OUTSIDE


PREDICATES: dict[str, Callable[[Object, Object], bool]] = {
    "left of": _left_of,
    "right of": lambda first, second: _left_of(second, first),
    "above": _above,
    "below": lambda first, second: _above(second, first),
    "touching": lambda first, second: abs(separation(first, second)) <= TOUCH,
    "far from": lambda first, second: separation(first, second) >= FAR,
    "inside": _inside,
    "outside": _outside,
    "larger than": _larger_than,
    "smaller than": lambda first, second: _larger_than(second, first),
}
