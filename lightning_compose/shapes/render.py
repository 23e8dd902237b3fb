"""From a scene to pixels and masks: antialiased, at any size, the same bytes everywhere.

Shapes: h = w = size_px.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lightning_compose.shapes.backgrounds import paint_background
from lightning_compose.shapes.palette import ACCENTS, COLORS, PLAIN
from lightning_compose.shapes.scenes import Object, Scene
from lightning_compose.shapes.silhouettes import SILHOUETTES
from lightning_compose.shapes.textures import PATTERNS, coverage

RIM = 0.05  # of the object's size, in its own colour, so that no texture blurs the outline


def render(scene: Scene, size_px: int = 64) -> np.ndarray:
    """Draw a scene.

    Args:
        scene: What to draw.
        size_px: Side of the image.

    Returns:
        uint8 [h, w, 3].
    """
    pixels = paint_background(scene.background, size_px).copy()
    for item in scene.objects:
        stencil = _stencil(item, size_px)
        pixels[stencil.window] += stencil.share[..., None] * (_colors(item, stencil, size_px) - pixels[stencil.window])
    return np.round(pixels).astype(np.uint8)


def render_masks(scene: Scene, size_px: int = 64) -> np.ndarray:
    """Return the visible part of each object, bool [objects, h, w]; a pixel belongs to one object at most."""
    masks = np.zeros((len(scene.objects), size_px, size_px), dtype=np.bool_)
    for index, item in enumerate(scene.objects):
        stencil = _stencil(item, size_px)
        inside = stencil.share >= 0.5
        masks[(slice(None), *stencil.window)] &= ~inside
        masks[(index, *stencil.window)] = inside
    return masks


def footprint(item: Object, size_px: int = 64) -> np.ndarray:
    """Return every pixel the object touches, however faintly, bool [h, w], as if nothing covered it."""
    touched = np.zeros((size_px, size_px), dtype=np.bool_)
    stencil = _stencil(item, size_px)
    touched[stencil.window] = stencil.share > 0.0
    return touched


def signed_distance(item: Object, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return how far points are from an object's outline, negative inside; all in fractions of the image's side."""
    half = item.size / 2
    return SILHOUETTES[item.shape]((x - item.x) / half, (y - item.y) / half) * half


@dataclass(frozen=True, slots=True)
class _Stencil:
    """An object's window into the image, its pixels' places relative to its centre, and how it covers them."""

    window: tuple[slice, slice]
    x_px: np.ndarray
    y_px: np.ndarray
    distance_px: np.ndarray
    share: np.ndarray


def _stencil(item: Object, size_px: int) -> _Stencil:
    half_px = item.size * size_px / 2
    columns, x_px = _axis(item.x * size_px, half_px, size_px)
    rows, y_px = _axis(item.y * size_px, half_px, size_px)
    x_px, y_px = x_px[None, :], y_px[:, None]
    distance_px = SILHOUETTES[item.shape](x_px / half_px, y_px / half_px) * half_px
    return _Stencil((rows, columns), x_px, y_px, distance_px, coverage(distance_px))


def _axis(centre_px: float, half_px: float, size_px: int) -> tuple[slice, np.ndarray]:
    start = max(math.floor(centre_px - half_px) - 1, 0)
    stop = min(math.ceil(centre_px + half_px) + 1, size_px)
    return slice(start, stop), np.arange(start, stop) + 0.5 - centre_px


def _colors(item: Object, stencil: _Stencil, size_px: int) -> np.ndarray:
    """Return the object's own colours in its window, [rows, columns or 1, 3] or [3]."""
    color = np.asarray(COLORS[item.color], dtype=np.float64)
    if item.texture == PLAIN:
        return color
    item_px = item.size * size_px
    pattern = PATTERNS[item.texture](stencil.x_px, stencil.y_px, item_px)
    accent = pattern * coverage(stencil.distance_px + RIM * item_px)
    return color + accent[..., None] * (np.asarray(ACCENTS[item.color], dtype=np.float64) - color)
