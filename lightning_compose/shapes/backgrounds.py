"""The backgrounds: muted, simple, drawn once for each kind, variant and size."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from lightning_compose.seeding import generator
from lightning_compose.shapes.palette import RGB
from lightning_compose.shapes.scenes import Background
from lightning_compose.shapes.textures import coverage

Field = np.ndarray
TONES = 3


class Canvas:
    """A picture that strokes are painted on, in a unit square seen through `size_px` pixels a side."""

    def __init__(self, size_px: int, color: RGB) -> None:
        self.size_px = size_px
        self.pixels = np.full((size_px, size_px, 3), color, dtype=np.float64)
        centres = (np.arange(size_px) + 0.5) / size_px
        self.x, self.y = centres[None, :], centres[:, None]

    def paint(self, distance: Field, color: RGB) -> None:
        """Blend `color` where the signed `distance`, in units of the side, is negative.

        Edges have few tones: muted ones look no worse for it, and lossless files are an eighth smaller.
        """
        share = np.round(TONES * coverage(distance * self.size_px))[..., None] / TONES
        self.pixels += share * (np.asarray(color, dtype=np.float64) - self.pixels)


def _sandy_beach(size_px: int, rng: np.random.Generator) -> Canvas:
    canvas = Canvas(size_px, (222, 203, 164))
    shore = 0.16 + 0.05 * rng.random()
    canvas.paint(canvas.y - shore + _wave(canvas.x, rng, 0.015), (240, 232, 214))
    canvas.paint(canvas.y - shore + 0.03 + _wave(canvas.x, rng, 0.015), (150, 174, 206))
    for _ in range(5):
        line = canvas.y - (0.3 + 0.65 * rng.random()) + _wave(canvas.x, rng, 0.015)
        canvas.paint(np.abs(line) - 0.008, (210, 189, 148))
    return canvas


def _night_sky(size_px: int, rng: np.random.Generator) -> Canvas:
    canvas = Canvas(size_px, (30, 34, 62))
    for _ in range(26):
        x, y, radius = rng.random(), rng.random(), 0.006 + 0.006 * rng.random()
        canvas.paint(np.sqrt((canvas.x - x) ** 2 + (canvas.y - y) ** 2) - radius, (190, 192, 205))
    return canvas


def _meadow(size_px: int, rng: np.random.Generator) -> Canvas:
    canvas = Canvas(size_px, (176, 202, 150))
    canvas.paint(canvas.y - 0.15 + _wave(canvas.x, rng, 0.03), (205, 222, 230))
    for _ in range(34):
        x, y = rng.random(), 0.25 + 0.75 * rng.random()
        blade = np.abs(canvas.x - x) + 0.35 * np.abs(canvas.y - y) - 0.013
        canvas.paint(blade, (152, 182, 126))
    return canvas


def _wooden_table(size_px: int, rng: np.random.Generator) -> Canvas:
    canvas = Canvas(size_px, (176, 146, 116))
    plank, offset = 0.25, 0.25 * rng.random()
    for row in range(5):
        middle = offset + plank * (row - 0.5)
        canvas.paint(np.abs(canvas.y - middle + _wave(canvas.x, rng, 0.02)) - 0.008, (162, 132, 102))
        canvas.paint(np.abs(canvas.y - offset - plank * row) - 0.009 + 0.0 * canvas.x, (138, 110, 84))
    return canvas


def _snowy_field(size_px: int, rng: np.random.Generator) -> Canvas:
    canvas = Canvas(size_px, (228, 234, 240))
    canvas.paint(canvas.y - 0.16 + _wave(canvas.x, rng, 0.03), (178, 190, 204))
    for _ in range(3):
        drift = canvas.y - (0.35 + 0.6 * rng.random()) + _wave(canvas.x, rng, 0.04)
        canvas.paint(np.abs(drift) - 0.012, (208, 218, 230))
    return canvas


def _stone_floor(size_px: int, rng: np.random.Generator) -> Canvas:
    canvas = Canvas(size_px, (150, 150, 154))
    height, offset = 0.22, 0.22 * rng.random()
    for row in range(-1, 5):
        top = offset + height * row
        canvas.paint(np.abs(canvas.y - top) - 0.01 + 0.0 * canvas.x, (126, 126, 132))
        for joint in 0.4 * np.arange(-1, 4) + 0.4 * rng.random():
            wall = np.maximum(np.abs(canvas.x - joint) - 0.01, np.abs(canvas.y - top - height / 2) - height / 2)
            canvas.paint(wall, (126, 126, 132))
    return canvas


PAINTERS: dict[str, Callable[[int, np.random.Generator], Canvas]] = {
    "sandy beach": _sandy_beach,
    "night sky": _night_sky,
    "meadow": _meadow,
    "wooden table": _wooden_table,
    "snowy field": _snowy_field,
    "stone floor": _stone_floor,
}


def _wave(x: Field, rng: np.random.Generator, height: float) -> Field:
    """Return a smooth periodic curve made of parabolas: no sine, whose last bit differs between machines."""
    phase = x * (1.0 + rng.random()) + rng.random()
    phase = 2.0 * (phase - np.floor(phase)) - 1.0
    return 4.0 * height * phase * (1.0 - np.abs(phase))


@lru_cache(maxsize=64)
def paint_background(background: Background, size_px: int) -> np.ndarray:
    """Return a read-only picture of a background, float64 [size_px, size_px, 3] in [0, 255]."""
    rng = generator(0, f"background/{background.kind}", background.variant)
    pixels = PAINTERS[background.kind](size_px, rng).pixels
    pixels.setflags(write=False)
    return pixels
