"""The textures: where an object shows its accent colour. Patterns are centred on the object and scale with it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Field = np.ndarray


def coverage(distance_px: Field) -> Field:
    """Return the share of each pixel that lies inside, from the signed distance of its centre in pixels."""
    return np.clip(0.5 - distance_px, 0.0, 1.0)


def _band(position: Field, period_px: float) -> Field:
    """Cover every other half period, the first of them around zero."""
    phase = position / period_px
    return coverage((np.abs(phase - np.round(phase)) - 0.25) * period_px)


def _striped(x_px: Field, y_px: Field, size_px: float) -> Field:
    period = 0.27 * size_px
    return _band(y_px - period / 2, period) + 0.0 * x_px


def _dotted(x_px: Field, y_px: Field, size_px: float) -> Field:
    period = 0.3 * size_px
    x, y = x_px - period * np.round(x_px / period), y_px - period * np.round(y_px / period)
    return coverage(np.sqrt(x * x + y * y) - 0.3 * period)


def _checkered(x_px: Field, y_px: Field, size_px: float) -> Field:
    period = 0.46 * size_px
    columns, rows = _band(x_px - period / 4, period), _band(y_px - period / 4, period)
    return columns + rows - 2.0 * columns * rows


PATTERNS: dict[str, Callable[[Field, Field, float], Field]] = {
    "striped": _striped,
    "dotted": _dotted,
    "checkered": _checkered,
}
