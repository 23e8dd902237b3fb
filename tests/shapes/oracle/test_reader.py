"""An image is read as the scene that it was drawn from."""

import numpy as np
import pytest

from lightning_compose.seeding import generator
from lightning_compose.shapes.oracle.loose import draw_loosely
from lightning_compose.shapes.oracle.reader import read
from lightning_compose.shapes.oracle.spoilt import blurred, noisy
from lightning_compose.shapes.palette import COLORS, SHAPES, TEXTURES
from lightning_compose.shapes.render import render
from lightning_compose.shapes.sample import random_scene
from lightning_compose.shapes.scenes import Background, Object, Scene


def told(items):
    return sorted((item.shape, item.color, item.texture) for item in items)


def one(shape="heart", color="red", texture="plain", size=0.5, background="meadow"):
    return Scene(Background(background), (Object(shape, color, texture, 0.5, 0.5, size),))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("texture", TEXTURES)
def test_every_shape_in_every_texture(shape, texture):
    color = tuple(COLORS)[(SHAPES.index(shape) + TEXTURES.index(texture)) % len(COLORS)]
    scene = one(shape, color, texture, 0.3, "stone floor")
    reading = read(render(scene))
    assert told(reading.items) == told(scene.objects)
    (item,) = reading.items
    assert (item.x, item.y, item.size) == pytest.approx((0.5, 0.5, 0.3), abs=0.01)


@pytest.mark.parametrize("seed", range(16))
def test_any_scene(seed):
    scene = random_scene(generator(seed, "test/oracle"))
    reading = read(render(scene))
    assert reading.background == scene.background.kind
    assert told(reading.items) == told(scene.objects)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda scene: blurred(render(scene), 0.7),
        lambda scene: noisy(render(scene), 8, generator(0, "test/noise")),
        lambda scene: noisy(render(scene), 16, generator(0, "test/noise")),
        lambda scene: render(scene, 128),
        lambda scene: draw_loosely(scene, generator(0, "test/loose")),
    ],
)
def test_a_spoilt_image_shows_the_same(spoil):
    scene = Scene(
        Background("wooden table", 3),
        (
            Object("ring", "pink", "plain", 0.25, 0.3, 0.35),
            Object("five-pointed star", "blue", "striped", 0.72, 0.7, 0.4),
        ),
    )
    reading = read(spoil(scene))
    assert reading.background == "wooden table"
    assert told(reading.items) == told(scene.objects)


def test_the_upper_object_comes_last():
    lower, upper = Object("circle", "red", "plain", 0.4, 0.5, 0.45), Object("square", "blue", "plain", 0.62, 0.5, 0.4)
    for objects in ((lower, upper), (upper, lower)):
        reading = read(render(Scene(Background("meadow"), objects)))
        assert [item.shape for item in reading.items] == [item.shape for item in objects]


def test_an_object_inside_another():
    scene = Scene(
        Background("sandy beach"),
        (Object("circle", "yellow", "plain", 0.5, 0.5, 0.6), Object("triangle", "orange", "plain", 0.5, 0.5, 0.2)),
    )
    assert told(read(render(scene)).items) == told(scene.objects)


def test_five_of_a_kind_are_five():
    places = [(0.2, 0.2), (0.5, 0.2), (0.8, 0.25), (0.3, 0.7), (0.7, 0.7)]
    objects = tuple(Object("plus sign", "green", "dotted", x, y, 0.27) for x, y in places)
    assert len(read(render(Scene(Background("snowy field"), objects))).items) == 5


def test_a_hidden_half_of_a_shape_is_completed():
    scene = Scene(
        Background("night sky"),
        (Object("circle", "red", "plain", 0.4, 0.5, 0.45), Object("square", "yellow", "plain", 0.65, 0.5, 0.35)),
    )
    circle = read(render(scene)).items[0]
    assert (circle.shape, circle.x, circle.size) == (
        "circle",
        pytest.approx(0.4, abs=0.01),
        pytest.approx(0.45, abs=0.02),
    )


@pytest.mark.parametrize(
    "image",
    [np.zeros((64, 64, 3)), np.zeros((64, 64), np.uint8), np.zeros((64, 32, 3), np.uint8)],
)
def test_other_arrays_are_refused(image):
    with pytest.raises(ValueError, match="square image, uint8"):
        read(image)


def test_reading_leaves_the_image_alone():
    image = render(one())
    before = image.copy()
    read(image)
    assert (image == before).all()


@pytest.mark.parametrize(("share", "is_seen"), [(0.02, True), (0.35, False), (0.5, False)])
def test_an_object_of_two_colors_is_neither(share, is_seen):
    image, other = (render(one("square", color)) for color in ("red", "blue"))
    columns = np.flatnonzero((image != other).any(axis=(0, 2)))
    first = columns[: round(share * len(columns))]
    image[:, first] = other[:, first]
    assert ("square", "red", "plain") in told(read(image).items) if is_seen else not read(image).items
