"""How well an object explains its pixels: it is drawn, and what differs is compared with what there is to explain.

Shapes: a window of the image is [h, w].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lightning_compose.shapes.palette import ACCENTS, COLORS, PLAIN
from lightning_compose.shapes.render import RIM
from lightning_compose.shapes.silhouettes import SILHOUETTES
from lightning_compose.shapes.textures import PATTERNS, coverage

BLURS = (None, (0.15, 0.7, 0.15), (0.25, 0.5, 0.25))  # soft edges, as an autoencoder draws them, are edges still
TOLERANCE = 12.0  # levels of 255: what no eye sees


@dataclass(frozen=True, slots=True)
class View:
    """A window of an image, and what is known of it.

    Args:
        pixels: [h, w, 3] in [0, 255].
        background: What would be there without objects, [h, w, 3].
        foreign: How far each pixel is from the background's colours, [h, w].
        weight: 1 where nothing else is seen; less where another object may hide this one, [h, w].
        x_px: Centre of each column, [w].
        y_px: Centre of each row, [h].
    """

    pixels: np.ndarray
    background: np.ndarray
    foreign: np.ndarray
    weight: np.ndarray
    x_px: np.ndarray
    y_px: np.ndarray


def explained(view: View, shape: str, color: str, texture: str, place: tuple[float, float, float]) -> float:
    """Return what share of the object's pixels its drawing explains, less what it draws wrongly; at most 1.

    Args:
        view: Where to draw.
        shape: One of `SHAPES`.
        color: One of `COLORS`.
        texture: One of `TEXTURES`.
        place: Centre and half size in pixels.
    """
    share, paint = _draw(view, shape, color, texture, place)
    stands_out = share[..., None] * (paint - view.background)
    due = float((view.weight * _length(stands_out)).sum())
    untouched = _spread(share) < 0.02
    wrong = []
    for kernel in BLURS:
        miss = _length(view.pixels - view.background - _blurred(stands_out, kernel))
        miss = np.maximum(np.where(untouched, view.foreign, miss) - TOLERANCE, 0.0)
        wrong.append(float((view.weight * miss).sum()))
    return 1.0 - min(wrong) / (due + 1e-6)


def _draw(
    view: View, shape: str, color: str, texture: str, place: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of each pixel that the object covers, and its own colours there."""
    x, y = (view.x_px - place[0])[None, :], (view.y_px - place[1])[:, None]
    half_px = place[2]
    distance_px = SILHOUETTES[shape](x / half_px, y / half_px) * half_px
    paint = np.broadcast_to(np.asarray(COLORS[color], dtype=np.float64), view.pixels.shape)
    if texture != PLAIN:
        accent = PATTERNS[texture](x, y, 2 * half_px) * coverage(distance_px + RIM * 2 * half_px)
        paint = paint + accent[..., None] * (np.asarray(ACCENTS[color]) - paint)
    return coverage(distance_px), paint


def _spread(share: np.ndarray) -> np.ndarray:
    """Return the most of each pixel and those beside it."""
    padded = np.pad(share, 1)
    rows = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    return np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])


def _blurred(values: np.ndarray, kernel: tuple[float, float, float] | None) -> np.ndarray:
    if kernel is None:
        return values
    side, middle, _ = kernel
    padded = np.pad(values, ((1, 1), (1, 1), (0, 0)))
    rows = side * (padded[:-2] + padded[2:]) + middle * padded[1:-1]
    return side * (rows[:, :-2] + rows[:, 2:]) + middle * rows[:, 1:-1]


def _length(vectors: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("...c,...c->...", vectors, vectors))
