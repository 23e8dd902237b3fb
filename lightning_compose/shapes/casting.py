"""Which objects play in a scene, before they are given places."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightning_compose.shapes.holdout import held_out_company, held_out_traits
from lightning_compose.shapes.palette import COLORS, PLAIN, SHAPES, TEXTURES
from lightning_compose.shapes.sample import choose


class Traits(NamedTuple):
    """What an object is, wherever it is."""

    shape: str
    color: str
    texture: str


def draw_cast(rng: np.random.Generator, split: str, count: int, textured: float) -> list[Traits]:
    """Draw objects that differ in shape and in colour.

    Args:
        split: ``"train"``: no held-out composition among them; ``"held_out"``: at least one.
        count: 1 to 5.
        textured: Probability that an object is not plain.
    """
    while True:
        cast = _draw_any_cast(rng, count, textured)
        if _has_held_out(cast) == (split == "held_out"):
            return cast


def draw_texture(rng: np.random.Generator, textured: float) -> str:
    """Draw plain, or else one of the textures."""
    return choose(rng, TEXTURES[1:]) if rng.random() < textured else PLAIN


def _draw_any_cast(rng: np.random.Generator, count: int, textured: float) -> list[Traits]:
    shapes = [SHAPES[index] for index in rng.permutation(len(SHAPES))[:count]]
    colors = [tuple(COLORS)[index] for index in rng.permutation(len(COLORS))[:count]]
    return [Traits(shape, color, draw_texture(rng, textured)) for shape, color in zip(shapes, colors, strict=True)]


def _has_held_out(cast: list[Traits]) -> bool:
    return bool(held_out_company(each.shape for each in cast)) or any(held_out_traits(*each) for each in cast)
