"""The silhouettes that explain a part of an image best: shape, place and size, by least squares.

Lengths are in pixels. Many candidates are drawn at once: a place is x, y and half the size, places [candidates, 3].
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from lightning_compose.shapes.oracle.target import Target
from lightning_compose.shapes.palette import SHAPES
from lightning_compose.shapes.silhouettes import SILHOUETTES

SOFT_EDGES_PX = (4.0, 3.0, 2.0, 1.5, 1.0, 1.0)  # from coarse to fine: a soft edge is felt from farther off
COARSE_STEPS = 2
FINALISTS = 3
NUDGE_PX = 0.1
DAMPING = 0.03
LONGEST_STEP_PX = 3.0
LEAST_HALF_PX, MOST_HALF_PX = 4.0, 30.0


@dataclass(frozen=True, slots=True)
class Fit:
    """A silhouette: one of `SHAPES`, its centre and half its size."""

    shape: str
    x: float
    y: float
    half: float


def best_fits(target: Target) -> list[Fit]:
    """Return the silhouettes that fit best, each of another shape."""
    coarse = {shape: _refine(target, shape, _start(target, shape), SOFT_EDGES_PX[:COARSE_STEPS]) for shape in SHAPES}
    fine = SOFT_EDGES_PX[COARSE_STEPS:]
    errors = {shape: _errors(target, shape, place[None], fine[0])[0] for shape, place in coarse.items()}
    finalists = sorted(errors, key=errors.__getitem__)[:FINALISTS]
    return _with_rival([Fit(shape, *_refine(target, shape, coarse[shape], fine).tolist()) for shape in finalists])


def draw(target: Target, shape: str, places: np.ndarray, soft_px: float = 1.0) -> np.ndarray:
    """Draw silhouettes into the target's window.

    Args:
        target: Where to.
        shape: One of `SHAPES`.
        places: [candidates, 3].
        soft_px: Width of the edge.

    Returns:
        Share of each pixel, [candidates, h, w].
    """
    x, y, half = (places[:, axis, None, None] for axis in range(3))
    columns, rows = target.x_px[None, None, :], target.y_px[None, :, None]
    distance_px = SILHOUETTES[shape]((columns - x) / half, (rows - y) / half) * half
    return np.clip(0.5 - distance_px / soft_px, 0.0, 1.0)


def _with_rival(fits: list[Fit]) -> list[Fit]:
    """Add the ring to a circle and the circle to a ring: a hole that shows snow looks like a cream accent."""
    shapes = {fit.shape: fit for fit in fits}
    for shape, rival in (("circle", "ring"), ("ring", "circle")):
        if shape in shapes and rival not in shapes:
            return [*fits, replace(shapes[shape], shape=rival)]
    return fits


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
    starts = _starts(shape, target.box)
    return starts[_errors(target, shape, starts, SOFT_EDGES_PX[0]).argmin()]


def _starts(shape: str, box: tuple[float, float, float, float]) -> np.ndarray:
    """Return the places that a box allows; where a part is hidden, two of its sides at least are true."""
    left, right, top, bottom = box
    x0, x1, y0, y1 = _reach(shape)
    by_width, by_height = (right - left) / (x1 - x0), (bottom - top) / (y1 - y0)
    middle = (by_width + by_height) / 2
    starts = [((left + right - middle * (x0 + x1)) / 2, (top + bottom - middle * (y0 + y1)) / 2, middle)]
    for half in (by_width, by_height):
        columns, rows = (left - half * x0, right - half * x1), (top - half * y0, bottom - half * y1)
        starts += [(x, y, half) for x in columns for y in rows]
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
