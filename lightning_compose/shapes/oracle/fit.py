"""The silhouette that explains a part of an image best: shape, place and size, by least squares.

Lengths are in pixels. Many candidates are drawn at once: places and sizes are arrays [candidates, 1, 1].
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from lightning_compose.shapes.palette import SHAPES
from lightning_compose.shapes.silhouettes import SILHOUETTES

SOFT_EDGES_PX = (4.0, 3.0, 2.0, 1.5, 1.0, 1.0)  # from coarse to fine: a soft edge is felt from farther off
COARSE_STEPS = 2
FINALISTS = 3
NUDGE_PX = 0.3
DAMPING = 0.03
LONGEST_STEP_PX = 3.0
LEAST_HALF_PX, MOST_HALF_PX = 4.0, 30.0


@dataclass(frozen=True, slots=True)
class Target:
    """What a silhouette is fitted to, in a window of the image.

    Args:
        share: Of each pixel that the object covers, [h, w].
        weight: How much a pixel counts: what another object may hide counts little, [h, w].
        box: Left, right, top and bottom of what is seen for certain.
        corner: Left and top of the window.
    """

    share: np.ndarray
    weight: np.ndarray
    box: tuple[float, float, float, float]
    corner: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Fit:
    """A silhouette: its shape, centre and half size, and the mean square of what it leaves unexplained."""

    shape: str
    x: float
    y: float
    half: float
    error: float


def best_fits(target: Target) -> list[Fit]:
    """Return the best silhouettes, the best first, each of another shape."""
    coarse = {shape: _refine(target, shape, _start(target, shape), SOFT_EDGES_PX[:COARSE_STEPS]) for shape in SHAPES}
    errors = {
        shape: _errors(target, shape, place[None], SOFT_EDGES_PX[COARSE_STEPS])[0] for shape, place in coarse.items()
    }
    finalists = sorted(errors, key=errors.__getitem__)[:FINALISTS]
    fits = []
    for shape in finalists:
        place = _refine(target, shape, coarse[shape], SOFT_EDGES_PX[COARSE_STEPS:])
        error = float(_errors(target, shape, place[None], SOFT_EDGES_PX[-1])[0])
        fits.append(Fit(shape, *place.tolist(), error / float((target.share * target.weight).sum())))
    return _with_rival(sorted(fits, key=lambda fit: fit.error))


def _with_rival(fits: list[Fit]) -> list[Fit]:
    """Add the ring to a circle and the circle to a ring: a hole that shows snow looks like a cream accent."""
    shapes = {fit.shape: fit for fit in fits}
    for shape, rival in (("circle", "ring"), ("ring", "circle")):
        if shape in shapes and rival not in shapes:
            return [*fits, replace(shapes[shape], shape=rival)]
    return fits


def draw(target: Target, shape: str, places: np.ndarray, soft_px: float = 1.0) -> np.ndarray:
    """Draw silhouettes into the target's window.

    Args:
        places: x, y and half size, [candidates, 3].
        soft_px: Width of the edge.

    Returns:
        Share of each pixel, [candidates, h, w].
    """
    height, width = target.share.shape
    left, top = target.corner
    x, y, half = (places[:, axis, None, None] for axis in range(3))
    columns = (np.arange(left, left + width) + 0.5)[None, None, :]
    rows = (np.arange(top, top + height) + 0.5)[None, :, None]
    distance_px = SILHOUETTES[shape]((columns - x) / half, (rows - y) / half) * half
    return np.clip(0.5 - distance_px / soft_px, 0.0, 1.0)


def _errors(target: Target, shape: str, places: np.ndarray, soft_px: float) -> np.ndarray:
    residual = draw(target, shape, places, soft_px) - target.share
    return np.einsum("khw,hw->k", residual * residual, target.weight)


def _refine(target: Target, shape: str, place: np.ndarray, soft_edges_px: tuple[float, ...]) -> np.ndarray:
    """Take damped Gauss-Newton steps; the derivatives are differences."""
    weight = target.weight.ravel()
    for soft_px in soft_edges_px:
        nudged = place + NUDGE_PX * np.concatenate([np.zeros((1, 3)), np.eye(3)])
        drawn = draw(target, shape, nudged, soft_px).reshape(4, -1)
        slopes = (drawn[1:] - drawn[0]) / NUDGE_PX
        weighted = slopes * weight
        normal = weighted @ slopes.T
        normal += DAMPING * (np.trace(normal) + 1e-3) / 3 * np.eye(3)
        step = np.linalg.solve(normal, weighted @ (target.share.ravel() - drawn[0]))
        place = place + np.clip(step, -LONGEST_STEP_PX, LONGEST_STEP_PX)
        place[2] = np.clip(place[2], LEAST_HALF_PX, MOST_HALF_PX)
    return place


def _start(target: Target, shape: str) -> np.ndarray:
    """Return the best place by the box alone; where a part is hidden, one of its sides or its width may be wrong."""
    starts = _starts(shape, target.box)
    return starts[_errors(target, shape, starts, SOFT_EDGES_PX[0]).argmin()]


def _starts(shape: str, box: tuple[float, float, float, float]) -> np.ndarray:
    left, right, top, bottom = box
    x0, x1, y0, y1 = _reach(shape)
    by_width, by_height = (right - left) / (x1 - x0), (bottom - top) / (y1 - y0)
    middle = (by_width + by_height) / 2
    starts = [((left + right - middle * (x0 + x1)) / 2, (top + bottom - middle * (y0 + y1)) / 2, middle)]
    for half in (by_width, by_height):
        starts += [
            (x, y, half) for x in {left - half * x0, right - half * x1} for y in {top - half * y0, bottom - half * y1}
        ]
    places = np.asarray(starts)
    places[:, 2] = np.clip(places[:, 2], LEAST_HALF_PX, MOST_HALF_PX)
    return places


@lru_cache(maxsize=len(SHAPES))
def _reach(shape: str) -> tuple[float, float, float, float]:
    """Return left, right, top and bottom of a silhouette in units of half its size."""
    grid = np.linspace(-1.3, 1.3, 521)
    inside = SILHOUETTES[shape](grid[None, :], grid[:, None]) < 0
    columns, rows = grid[inside.any(axis=0)], grid[inside.any(axis=1)]
    return float(columns[0]), float(columns[-1]), float(rows[0]), float(rows[-1])
