"""The texture of an object whose outline is known: the pattern that its accents follow best."""

from __future__ import annotations

from itertools import product

import numpy as np

from lightning_compose.shapes.oracle.fit import Fit
from lightning_compose.shapes.palette import PLAIN
from lightning_compose.shapes.render import RIM
from lightning_compose.shapes.silhouettes import SILHOUETTES
from lightning_compose.shapes.textures import PATTERNS, coverage

SHIFTS_PX = (-1.0, -0.5, 0.0, 0.5, 1.0)  # a pattern that is drawn slightly off is still that pattern
LEAST_STRENGTH = 0.3  # of an accent: less is a shade of a plain colour


def find_texture(accent: np.ndarray, weight: np.ndarray, fit: Fit, x_px: np.ndarray, y_px: np.ndarray) -> str:
    """Name the texture of an object.

    Args:
        accent: Share of the accent in each pixel, [h, w].
        weight: How much of the pixel belongs to the object and is seen, [h, w].
        fit: The object's outline.
        x_px: Centre of each column, [w].
        y_px: Centre of each row, [h].
    """
    x, y, size = x_px - fit.x, y_px - fit.y, 2 * fit.half
    distance_px = SILHOUETTES[fit.shape](x[None, :] / fit.half, y[:, None] / fit.half) * fit.half
    body = coverage(distance_px + RIM * size)
    shifts = np.asarray(list(product(SHIFTS_PX, SHIFTS_PX)))
    columns, rows = (x - shifts[:, :1])[:, None, :], (y - shifts[:, 1:])[:, :, None]
    left = {PLAIN: float((weight * accent**2).sum())}
    for texture, pattern in PATTERNS.items():
        left[texture] = _least_left(accent, body * pattern(columns, rows, size), weight)
    return min(left, key=left.__getitem__)


def _least_left(accent: np.ndarray, drawn: np.ndarray, weight: np.ndarray) -> float:
    """Return what the best of the drawn patterns [candidates, h, w], at its best strength, leaves of the accents."""
    both = (weight * drawn * accent).sum(axis=(1, 2))
    own = (weight * drawn**2).sum(axis=(1, 2)) + 1e-6
    strength = np.clip(both / own, LEAST_STRENGTH, 1.0)
    left = (weight * accent**2).sum() - 2 * strength * both + strength**2 * own
    return float(left.min())
