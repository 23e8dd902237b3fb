"""Captions corrected to what the oracle sees."""

import pytest
from PIL import Image

from lightning_compose.shapes.preparing.captioner import OracleCaptioner
from lightning_compose.shapes.render import render
from lightning_compose.shapes.scenes import Background, Object, Scene


def picture(*objects):
    return Image.fromarray(render(Scene(Background("meadow"), objects)))


RING = Object("ring", "red", "striped", 0.22, 0.5, 0.36)
HEART = Object("heart", "blue", "plain", 0.75, 0.25, 0.34)
OTHER_HEART = Object("heart", "green", "plain", 0.75, 0.75, 0.34)
CIRCLE = Object("circle", "green", "plain", 0.75, 0.75, 0.34)


@pytest.mark.parametrize(
    ("objects", "caption", "corrected"),
    [
        ((RING, HEART), "A green ring and a blue heart", "A red ring and a blue heart"),
        ((RING, HEART), "This picture shows a dotted ring.", "This picture shows a striped ring."),
        ((RING, HEART), "A ring with dots", "A ring with stripes"),
        ((RING, HEART, OTHER_HEART), "Three hearts and one ring.", "Two hearts and one ring."),
        ((RING, HEART, OTHER_HEART), "A blue heart", "A heart"),  # one is blue, one is not
        ((RING, HEART), "A picture of a red ring and a circle", "A picture of a red ring and a heart"),
        ((RING, HEART), "A red circle", "A red ring"),
        ((RING,), "A red ring and a circle", "A red ring"),
        ((RING, HEART), "A drawing of a ring to the right of a heart", "A drawing of a ring to the left of a heart"),
        ((RING, HEART), "A ring inside a heart", "A ring outside a heart"),
        ((RING, HEART), "A ring covering part of a heart.", "A ring and a heart."),  # nor is it behind it
        ((RING, HEART), "A ring on a stone floor", "A ring in a meadow"),
        ((RING, HEART), "In a night sky, there is a ring", "In a meadow, there is a ring"),
        ((RING, HEART), "The ring is blue and the heart is red", "The ring is red and the heart is blue"),
        (
            (RING, HEART, CIRCLE),
            "A heart, a ring and a circle, with the ring to the right of the heart",
            "A heart, a ring and a circle, with the ring to the left of the heart",
        ),
        ((RING, HEART), "A striped ring and a plain heart", "A striped ring and a plain heart"),
        ((RING, HEART), "A dog on a beach", "A dog on a beach"),
    ],
)
def test_what_is_wrong_is_corrected_and_the_form_stays(objects, caption, corrected):
    assert OracleCaptioner().correct([picture(*objects)], [caption], [()]) == [corrected]


def test_an_image_of_nothing_corrects_nothing():
    blank = Image.new("RGB", (64, 64), (120, 120, 120))
    assert OracleCaptioner().correct([blank], ["A red ring"], [()]) == ["A red ring"]
