"""What a person would not call by a shape's name is not read as that shape, and what a person would, is."""

import numpy as np
import pytest

from lightning_compose.shapes.backgrounds import paint_background
from lightning_compose.shapes.oracle.flaws import straightness
from lightning_compose.shapes.oracle.reader import read
from lightning_compose.shapes.oracle.spoilt import to_bytes
from lightning_compose.shapes.palette import COLORS
from lightning_compose.shapes.scenes import Background
from lightning_compose.shapes.textures import coverage

CENTRES = np.arange(64) + 0.5 - 32
X, Y = CENTRES[None, :], CENTRES[:, None]
RADIUS = np.sqrt(X * X + Y * Y)
ANGLE = np.arctan2(Y, X)


def shapes_of(distance_px, color="red"):
    """Draw what lies below a distance of 0, and read the shapes."""
    behind = paint_background(Background("meadow"), 64)
    pixels = behind + coverage(distance_px)[..., None] * (np.asarray(COLORS[color], dtype=float) - behind)
    return [item.shape for item in read(to_bytes(pixels)).items]


def test_straightness_is_relative_to_the_size_of_a_shape():
    assert straightness(0.9, "circle") == pytest.approx(0.9, abs=0.005)
    # Area by perimeter in halves of the size: 3.098 / 7.04 of a square, half a radius of a circle.
    assert straightness(0.9, "square") == pytest.approx(1 - 0.1 * 0.44 / 0.5, abs=0.002)
    assert straightness(0.9, "square") < straightness(0.9, "ring") < straightness(0.9, "crescent moon") < 1


@pytest.mark.parametrize("radius", [9, 14, 19])
def test_a_slightly_wobbly_circle_is_a_circle(radius):
    assert shapes_of(RADIUS - radius * (1 + 0.03 * np.cos(3 * ANGLE + 1))) == ["circle"]


@pytest.mark.parametrize("radius", [9, 14, 19])
@pytest.mark.parametrize("waves", [2, 5])
def test_a_crooked_blob_is_no_circle(radius, waves):
    assert "circle" not in shapes_of(RADIUS - radius * (1 + 0.2 * np.cos(waves * ANGLE + 1)))


@pytest.mark.parametrize(("radius", "waves", "height"), [(14, 4, 0.2), (14, 7, 0.16), (14, 6, 0.2), (10, 7, 0.12)])
def test_a_blob_is_no_shape_at_all(radius, waves, height):
    assert shapes_of(RADIUS - radius * (1 + height * np.cos(waves * ANGLE + 1))) == []


def test_a_square_with_round_corners_is_no_circle():
    assert "circle" not in shapes_of((X**4 + Y**4) ** 0.25 - 14)


@pytest.mark.parametrize("bitten", [np.abs(ANGLE) < 0.5, (np.abs(X) < 3) & (Y > 0)])
def test_a_bitten_circle_is_none(bitten):
    assert "circle" not in shapes_of(np.where(bitten, 9.0, RADIUS - 14))


def test_a_circle_with_a_small_hole_is_a_ring():
    assert shapes_of(np.maximum(RADIUS - 14, 3.5 - RADIUS)) == ["ring"]


def test_a_circle_with_a_hole_beside_its_middle_is_none():
    assert "circle" not in shapes_of(np.maximum(RADIUS - 14, 3.0 - np.sqrt((X - 6) ** 2 + Y**2)))
