"""Where objects go: sizes and places that keep them in the frame and apart."""

from __future__ import annotations

import numpy as np

from lightning_compose.shapes.scenes import Object

# Diameters by number of objects: large enough to read a texture, small enough to fit.
SIZES: dict[int, tuple[float, float]] = {
    1: (0.45, 0.68),
    2: (0.32, 0.42),
    3: (0.30, 0.38),
    4: (0.28, 0.35),
    5: (0.25, 0.30),
}
MARGIN = 0.02
GAP = 0.03

Place = tuple[float, float, float]
"""x, y and size of an object."""


def scatter(rng: np.random.Generator, count: int) -> list[Place]:
    """Place `count` objects anywhere, in the frame and with a gap between their boxes."""
    while True:
        places = _try_scatter(rng, count)
        if places is not None:
            return places


def random_size(rng: np.random.Generator, count: int) -> float:
    """Draw a diameter for one of `count` objects."""
    low, high = SIZES[count]
    return rounded(rng.uniform(low, high))


def random_place(rng: np.random.Generator, size: float) -> Place:
    """Place one object of diameter `size` wholly inside the frame."""
    low, high = size / 2 + MARGIN, 1 - size / 2 - MARGIN
    return rounded(rng.uniform(low, high)), rounded(rng.uniform(low, high)), size


def apart(first: Place, second: Place, gap: float = GAP) -> bool:
    """Whether the boxes around two objects are at least `gap` apart in x or in y."""
    distance = max(abs(first[0] - second[0]), abs(first[1] - second[1]))
    return distance >= (first[2] + second[2]) / 2 + gap


def in_frame(place: Place) -> bool:
    """Whether the box around an object lies inside the image."""
    x, y, size = place
    return size / 2 <= min(x, y) and max(x, y) <= 1 - size / 2


def place_of(item: Object) -> Place:
    """Return where an object is."""
    return item.x, item.y, item.size


def _try_scatter(rng: np.random.Generator, count: int) -> list[Place] | None:
    places: list[Place] = []
    for _ in range(30 * count):
        place = random_place(rng, random_size(rng, count))
        if all(apart(place, other) for other in places):
            places.append(place)
        if len(places) == count:
            return places
    return None


def rounded(value: float) -> float:
    """Round a length to a thousandth of the image's side, so that scenes print short and machines agree on them."""
    return round(float(value), 3)
