"""Scene: the same objects in front of another background."""

from __future__ import annotations

import dataclasses

import numpy as np

from lightning_compose.shapes.recipes.draft import COLOR_STATED, Draft, Stated, chance, describe, draw_scene
from lightning_compose.shapes.sample import random_background
from lightning_compose.shapes.scenes import Background, Scene


def draft_background(rng: np.random.Generator, split: str, count: int) -> Draft:
    """Draft a pair of `count` objects that differs in its background."""
    positive = draw_scene(rng, split, count)
    negative = dataclasses.replace(positive, background=other_background(rng, positive))
    stated = Stated(color=chance(rng, COLOR_STATED), background=True)
    return Draft(positive, negative, describe(positive, stated), describe(negative, stated))


def other_background(rng: np.random.Generator, scene: Scene) -> Background:
    """Draw a background of another kind than the scene's."""
    while True:
        background = random_background(rng)
        if background.kind != scene.background.kind:
            return background
