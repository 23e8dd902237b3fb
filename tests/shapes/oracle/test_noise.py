"""Noise is measured, and less after it was calmed."""

import pytest

from lightning_compose.seeding import generator
from lightning_compose.shapes.oracle.noise import calmed, noise_deviation
from lightning_compose.shapes.render import render
from lightning_compose.shapes.sample import random_scene

PIXELS = render(random_scene(generator(0, "test/noise/scene"))).astype(float)


def noised(deviation):
    return PIXELS + deviation * generator(1, "test/noise").standard_normal(PIXELS.shape)


def test_a_render_has_none():
    assert noise_deviation(PIXELS) == pytest.approx(0.0, abs=0.2)
    assert calmed(PIXELS) is PIXELS


@pytest.mark.parametrize("deviation", [8, 16])
def test_noise_is_estimated_and_calmed(deviation):
    assert noise_deviation(noised(deviation)) == pytest.approx(deviation, rel=0.25)
    assert noise_deviation(calmed(noised(deviation))) < deviation / 3
