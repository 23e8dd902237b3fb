"""Scenes as a weak model may draw them: colours off, outlines bent, edges soft, a background of its own."""

from __future__ import annotations

import numpy as np

from lightning_compose.shapes.backgrounds import PAINTERS, paint_background
from lightning_compose.shapes.oracle.spoilt import blurred, to_bytes
from lightning_compose.shapes.render import render, signed_distance
from lightning_compose.shapes.scenes import Object, Scene
from lightning_compose.shapes.textures import coverage

SIZE_PX = 64
COLOR_OFF = 20.0  # levels of 255, each channel of each object
TONE_OFF = 10.0
BENT_PX = 0.7
SOFT_PX = 0.6


def draw_loosely(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Draw a scene with errors that leave it what it is.

    Returns:
        uint8 [h, w, 3].
    """
    pixels = render(scene, SIZE_PX) + _background_change(scene, rng) * (1.0 - _cover(scene))[..., None]
    for item in scene.objects:
        pixels += rng.uniform(-COLOR_OFF, COLOR_OFF, size=3) * _share(item)[..., None]
    return blurred(to_bytes(_bent(pixels, rng)), SOFT_PX)


def _background_change(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    new = PAINTERS[scene.background.kind](SIZE_PX, rng).pixels + rng.uniform(-TONE_OFF, TONE_OFF, size=3)
    return new - paint_background(scene.background, SIZE_PX)


def _cover(scene: Scene) -> np.ndarray:
    return 1.0 - np.prod([1.0 - _share(item) for item in scene.objects], axis=0)


def _share(item: Object) -> np.ndarray:
    centres = (np.arange(SIZE_PX) + 0.5) / SIZE_PX
    return coverage(signed_distance(item, centres[None, :], centres[:, None]) * SIZE_PX)


def _bent(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move what is drawn along smooth waves, BENT_PX at most in each direction."""
    y, x = np.mgrid[:SIZE_PX, :SIZE_PX].astype(np.float64)
    moved = []
    for own, other in ((y, x), (x, y)):
        waves = np.sin(other * rng.uniform(0.15, 0.4) + own * rng.uniform(-0.2, 0.2) + rng.uniform(0, 2 * np.pi))
        moved.append(np.clip(own + BENT_PX * waves, 0, SIZE_PX - 1.001))
    top, left = (each.astype(np.int64) for each in moved)
    down, right = (moved[0] - top)[..., None], (moved[1] - left)[..., None]
    upper = (1 - right) * pixels[top, left] + right * pixels[top, left + 1]
    lower = (1 - right) * pixels[top + 1, left] + right * pixels[top + 1, left + 1]
    return (1 - down) * upper + down * lower
