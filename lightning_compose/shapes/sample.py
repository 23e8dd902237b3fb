"""Any scene of the world, without a caption: what an autoencoder or an oracle is trained and tried on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lightning_compose.shapes.layout import scatter
from lightning_compose.shapes.palette import BACKGROUNDS, COLORS, SHAPES, TEXTURES
from lightning_compose.shapes.scenes import MAX_OBJECTS, VARIANTS, Background, Object, Scene


def random_scene(rng: np.random.Generator) -> Scene:
    """Draw a scene of 1 to 5 objects, all shapes, colours, textures and backgrounds equally likely."""
    count = int(rng.integers(1, MAX_OBJECTS + 1))
    objects = [random_object(rng, *place) for place in scatter(rng, count)]
    return Scene(random_background(rng), tuple(objects))


def random_object(rng: np.random.Generator, x: float, y: float, size: float) -> Object:
    """Draw shape, colour and texture of an object at a given place."""
    return Object(choose(rng, SHAPES), choose(rng, tuple(COLORS)), choose(rng, TEXTURES), x, y, size)


def random_background(rng: np.random.Generator) -> Background:
    """Draw a background and one of its variants."""
    return Background(choose(rng, tuple(BACKGROUNDS)), int(rng.integers(VARIANTS)))


def choose(rng: np.random.Generator, options: Sequence[str]) -> str:
    """Draw one of `options`; NumPy's own choice returns its string type, which JSON does not know."""
    return options[int(rng.integers(len(options)))]
