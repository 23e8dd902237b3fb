"""What a person sees at a glance and a share of pixels does not: an outline that is bent, and a mark or hole inside.

Shapes: a window of the image is [h, w].
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lightning_compose.shapes.oracle.backdrop import lengths
from lightning_compose.shapes.oracle.fit import Fit
from lightning_compose.shapes.oracle.synthesis import View
from lightning_compose.shapes.silhouettes import SILHOUETTES

CIRCLE_DEPTH = 0.5  # area by perimeter of a circle, in radii
OUTLINE_BAND = 0.02  # in halves of the size
LEAST_DEEP_PX, LEAST_DEEP = 1.0, 0.1  # of half the size: nearer to the outline, it may be the outline that is bent
UNLIKE = 0.5  # of the contrast to what is behind
NEIGHBOUR_PX = 2  # where the edge or the accent of another object may lie


def straightness(explained: float, shape: str) -> float:
    """Return what a circle would explain whose outline is bent as much, relative to its size.

    The same wobble costs a thin star twice the share of its pixels that it costs a circle, and a circle that explains
    nine tenths is a crooked blob.

    Args:
        explained: See `synthesis.explained`.
        shape: One of `SHAPES`.
    """
    return 1.0 - (1.0 - explained) * _depth(shape) / CIRCLE_DEPTH


def marred_share(view: View, fit: Fit, stamped: np.ndarray) -> float:
    """Return the share of an object, far from its outline and other objects, that shows something else.

    Args:
        view: What there is.
        fit: The object's outline.
        stamped: What `synthesis.stamp` returned for it.
    """
    x, y = (view.x_px - fit.x)[None, :], (view.y_px - fit.y)[:, None]
    distance_px = SILHOUETTES[fit.shape](x / fit.half, y / fit.half) * fit.half
    deep = (distance_px < -max(LEAST_DEEP_PX, LEAST_DEEP * fit.half)) & ~_near(view.weight < 1.0)
    unlike = lengths(view.pixels - view.behind - stamped) > UNLIKE * lengths(stamped)
    return float((deep & unlike).sum() / ((distance_px < 0).sum() + 1e-6))


def _near(mask: np.ndarray) -> np.ndarray:
    """Return the pixels within NEIGHBOUR_PX of a mask in both directions."""
    padded = np.pad(mask, NEIGHBOUR_PX)
    side = 2 * NEIGHBOUR_PX + 1
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, (side, side)).any(axis=(2, 3)))


@lru_cache(maxsize=len(SILHOUETTES))
def _depth(shape: str) -> float:
    """Return area by perimeter of a silhouette in halves of its size."""
    grid = np.linspace(-1.3, 1.3, 1301)
    distance = SILHOUETTES[shape](grid[None, :], grid[:, None])
    return float((distance < 0).sum() / (np.abs(distance) < OUTLINE_BAND / 2).sum() * OUTLINE_BAND)
