"""A program must be able to tell the colours apart."""

from itertools import combinations

import numpy as np
import pytest

from lightning_compose.shapes.backgrounds import paint_background
from lightning_compose.shapes.palette import ACCENTS, BACKGROUNDS, COLORS
from lightning_compose.shapes.scenes import VARIANTS, Background

MIN_CIELAB_DISTANCE = 35.0
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])


def cielab(rgb):
    rgb = np.asarray(rgb, dtype=float) / 255
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = linear @ TO_XYZ.T / WHITE
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])],
        axis=-1,
    )


def test_colors_are_apart():
    for first, second in combinations(COLORS.values(), 2):
        assert np.linalg.norm(cielab(first) - cielab(second)) > MIN_CIELAB_DISTANCE


def test_accents_are_apart_from_their_colors():
    for name, color in COLORS.items():
        assert np.linalg.norm(cielab(color) - cielab(ACCENTS[name])) > MIN_CIELAB_DISTANCE


@pytest.mark.parametrize("kind", BACKGROUNDS)
def test_backgrounds_are_apart_from_colors(kind):
    for variant in range(VARIANTS):
        pixels = cielab(paint_background(Background(kind, variant), 32).reshape(-1, 3))
        for color in COLORS.values():
            assert np.linalg.norm(pixels - cielab(color), axis=1).min() > MIN_CIELAB_DISTANCE
