"""The texture of an object whose outline is known: the pattern that its accents follow best."""

from __future__ import annotations

from itertools import product

import numpy as np

from lightning_compose.shapes.palette import PLAIN
from lightning_compose.shapes.render import RIM
from lightning_compose.shapes.silhouettes import SILHOUETTES
from lightning_compose.shapes.textures import PATTERNS, coverage

SHIFTS_PX = (-1.0, -0.5, 0.0, 0.5, 1.0)  # a pattern that is drawn slightly off is still that pattern
LEAST_STRENGTH = 0.3  # of an accent: less is a shade of a plain colour


def find_texture(
    accent: np.ndarray, weight: np.ndarray, shape: str, x_px: np.ndarray, y_px: np.ndarray, half_px: float
) -> str:
    """Name the texture of an object.

    Args:
        accent: Share of the accent in each pixel, [h, w].
        weight: How much of the pixel belongs to the object and is seen, [h, w].
        shape: One of `SHAPES`.
        x_px: Of each column, from the object's centre, [w].
        y_px: Of each row, [h].
        half_px: Half the object's size.
    """
    shifts = np.asarray(list(product(SHIFTS_PX, SHIFTS_PX)))
    x, y = x_px - shifts[:, :1], y_px - shifts[:, 1:]
    distance_px = SILHOUETTES[shape](x_px[None, :] / half_px, y_px[:, None] / half_px) * half_px
    body = coverage(distance_px + RIM * 2 * half_px)
    left = {PLAIN: float((weight * accent**2).sum())}
    for texture, pattern in PATTERNS.items():
        drawn = body * pattern(x[:, None, :], y[:, :, None], 2 * half_px)
        left[texture] = _least_left(accent, drawn, weight)
    return min(left, key=left.__getitem__)


def _least_left(accent: np.ndarray, drawn: np.ndarray, weight: np.ndarray) -> float:
    """Return what the best of the drawn patterns [candidates, h, w], at its best strength, leaves of the accents."""
    both = (weight * drawn * accent).sum(axis=(1, 2))
    own = (weight * drawn**2).sum(axis=(1, 2)) + 1e-6
    strength = np.clip(both / own, LEAST_STRENGTH, 1.0)
    left = (weight * accent**2).sum() - 2 * strength * both + strength**2 * own
    return float(left.min())
