"""How well an object explains its pixels: it is drawn, and what differs is compared with what there is to explain.

Shapes: a window of the image is [h, w].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lightning_compose.shapes.oracle.backdrop import lengths
from lightning_compose.shapes.oracle.fit import Fit
from lightning_compose.shapes.palette import ACCENTS, COLORS, PLAIN
from lightning_compose.shapes.render import RIM
from lightning_compose.shapes.silhouettes import SILHOUETTES
from lightning_compose.shapes.textures import PATTERNS, coverage

# Of a pixel's neighbour and of itself, in each direction: edges as soft as an autoencoder draws them are edges still.
BLURS = ((0.0, 1.0), (0.15, 0.7), (0.25, 0.5))
TOLERANCE = 12.0  # levels of 255: what no eye sees


@dataclass(frozen=True, slots=True)
class View:
    """A window of an image, and what is known of it.

    Args:
        pixels: [h, w, 3] in [0, 255].
        behind: What would be there without the object, [h, w, 3].
        foreign: How far each pixel is from what may be there without it, [h, w].
        weight: 1 where nothing else is seen; less where another object may hide this one, [h, w].
        x_px: Centre of each column, [w].
        y_px: Centre of each row, [h].
    """

    pixels: np.ndarray
    behind: np.ndarray
    foreign: np.ndarray
    weight: np.ndarray
    x_px: np.ndarray
    y_px: np.ndarray


def stamp(view: View, fit: Fit, color: str, texture: str, tint: np.ndarray) -> np.ndarray:
    """Return what an object changes of what is behind it, [h, w, 3]; `tint` [3] is added to its colour."""
    x, y = (view.x_px - fit.x)[None, :], (view.y_px - fit.y)[:, None]
    distance_px = SILHOUETTES[fit.shape](x / fit.half, y / fit.half) * fit.half
    paint = np.broadcast_to(np.asarray(COLORS[color]) + tint, view.behind.shape)
    if texture != PLAIN:
        accent = PATTERNS[texture](x, y, 2 * fit.half) * coverage(distance_px + RIM * 2 * fit.half)
        paint = paint + accent[..., None] * (np.asarray(ACCENTS[color]) - paint)
    return coverage(distance_px)[..., None] * (paint - view.behind)


def explained(view: View, stamped: np.ndarray) -> float:
    """Return what share of an object its drawing explains, less what it draws wrongly.

    Args:
        view: What there is.
        stamped: What `stamp` returned for it.

    Returns:
        At most 1.
    """
    due = float((view.weight * lengths(stamped)).sum())
    untouched = lengths(_blurred(stamped, 0.25, 0.5)) == 0
    return 1.0 - min(_wrong(view, _blurred(stamped, *kernel), untouched) for kernel in BLURS) / (due + 1e-6)


def _wrong(view: View, stamped: np.ndarray, untouched: np.ndarray) -> float:
    miss = np.where(untouched, view.foreign, lengths(view.pixels - view.behind - stamped))
    return float((view.weight * np.maximum(miss - TOLERANCE, 0.0)).sum())


def _blurred(values: np.ndarray, beside: float, middle: float) -> np.ndarray:
    padded = np.pad(values, ((1, 1), (1, 1), (0, 0)))
    rows = beside * (padded[:-2] + padded[2:]) + middle * padded[1:-1]
    return beside * (rows[:, :-2] + rows[:, 2:]) + middle * rows[:, 1:-1]
