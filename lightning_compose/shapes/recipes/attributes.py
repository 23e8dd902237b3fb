"""Color, shape and texture: one object's attribute is changed, or two objects exchange theirs."""

from __future__ import annotations

import numpy as np

from lightning_compose.shapes.palette import COLORS, SHAPES, TEXTURES
from lightning_compose.shapes.recipes.draft import (
    BACKGROUND_STATED,
    COLOR_STATED,
    TEXTURED,
    Draft,
    Stated,
    chance,
    describe,
    draw_scene,
    replace_object,
    swap_fields,
)
from lightning_compose.shapes.sample import choose
from lightning_compose.shapes.scenes import Scene

VALUES: dict[str, tuple[str, ...]] = {"color": tuple(COLORS), "shape": SHAPES, "texture": TEXTURES}
SWAPPED = 0.6


def draft_attribute(rng: np.random.Generator, split: str, attribute: str, count: int) -> Draft:
    """Draft a pair that differs in `attribute`, a key of `VALUES`, of `count` objects: 1 or 2."""
    on_texture = attribute == "texture"
    positive = draw_scene(rng, split, count, textured=0.8 if on_texture else TEXTURED)
    swapped = count == 2 and _differ(positive, attribute) and chance(rng, SWAPPED)
    # Two objects that exchange their shapes leave "a ring and a heart" as true as before: colours must tell them apart.
    says_color = attribute == "color" or (attribute == "shape" and swapped) or chance(rng, COLOR_STATED)
    stated = Stated(says_color, on_texture, plain=on_texture, background=chance(rng, BACKGROUND_STATED))
    negative = swap_fields(positive, 0, 1, attribute) if swapped else change(rng, positive, attribute)
    return Draft(positive, negative, describe(positive, stated), describe(negative, stated))


def change(rng: np.random.Generator, scene: Scene, attribute: str) -> Scene:
    """Give one object of the scene a value of `attribute` that no object there has."""
    present = {getattr(item, attribute) for item in scene.objects}
    value = choose(rng, [each for each in VALUES[attribute] if each not in present])
    return replace_object(scene, int(rng.integers(len(scene.objects))), **{attribute: value})


def _differ(scene: Scene, attribute: str) -> bool:
    return len({getattr(item, attribute) for item in scene.objects}) == len(scene.objects)
