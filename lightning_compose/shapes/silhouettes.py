"""The shapes as signed distances: negative inside, zero on the outline, positive outside.

Coordinates are units of half the object's size, y down; each silhouette fills [-1, 1] in its longer direction, nearly.
Only square roots and arithmetic are used, which IEEE 754 fixes to the last bit, so that every machine draws the same.
Heart and star follow I. Quilez, "2D distance functions", https://iquilezles.org/articles/distfunctions2d.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Field = np.ndarray


def _circle(x: Field, y: Field) -> Field:
    return np.sqrt(x * x + y * y) - 1.0


def _square(x: Field, y: Field) -> Field:
    return np.maximum(np.abs(x), np.abs(y)) - 0.88


def _triangle(x: Field, y: Field) -> Field:
    slope, norm = 1.85, np.sqrt(1.85**2 + 1.0)
    return np.maximum(y - 0.85, (np.abs(x) * slope - (y + 1.0)) / norm)


def _heart(x: Field, y: Field) -> Field:
    scale = 0.6
    x, y = np.abs(x) * scale, 0.55 - y * scale
    lobe = np.sqrt((x - 0.25) ** 2 + (y - 0.75) ** 2) - np.sqrt(2.0) / 4
    fold = 0.5 * np.maximum(x + y, 0.0)
    squared = np.minimum(x * x + (y - 1.0) ** 2, (x - fold) ** 2 + (y - fold) ** 2)
    return np.where(x + y > 1.0, lobe, np.sqrt(squared) * np.sign(x - y)) / scale


def _ring(x: Field, y: Field) -> Field:
    return np.abs(np.sqrt(x * x + y * y) - 0.7) - 0.3


def _star(x: Field, y: Field) -> Field:
    cos, sin, inner = 0.809016994375, 0.587785252292, 0.52
    x, y = np.abs(x), -y - 0.08
    reach = 2.0 * np.maximum(cos * x - sin * y, 0.0)
    x, y = x - reach * cos, y + reach * sin
    reach = 2.0 * np.maximum(-cos * x - sin * y, 0.0)
    x, y = np.abs(x + reach * cos), y + reach * sin - 1.0
    edge_x, edge_y = inner * sin, inner * cos - 1.0
    along = np.clip((x * edge_x + y * edge_y) / (edge_x**2 + edge_y**2), 0.0, 1.0)
    distance = np.sqrt((x - edge_x * along) ** 2 + (y - edge_y * along) ** 2)
    return distance * np.sign(y * edge_x - x * edge_y)


def _crescent(x: Field, y: Field) -> Field:
    x = x - 0.17
    outer = np.sqrt(x * x + y * y) - 1.0
    inner = np.sqrt((x - 0.5) ** 2 + y * y) - 0.8
    return np.maximum(outer, -inner)


def _plus(x: Field, y: Field) -> Field:
    x, y = np.abs(x), np.abs(y)
    return np.minimum(np.maximum(x - 0.97, y - 0.4), np.maximum(y - 0.97, x - 0.4))


SILHOUETTES: dict[str, Callable[[Field, Field], Field]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "heart": _heart,
    "ring": _ring,
    "five-pointed star": _star,
    "crescent moon": _crescent,
    "plus sign": _plus,
}
