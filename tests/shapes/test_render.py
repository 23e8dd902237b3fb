"""Pixels and masks follow from the scene, at any size, and agree with each other."""

import numpy as np
import pytest

from lightning_compose.seeding import generator
from lightning_compose.shapes.palette import COLORS, SHAPES, TEXTURES
from lightning_compose.shapes.render import footprint, render, render_masks
from lightning_compose.shapes.sample import random_scene
from lightning_compose.shapes.scenes import Background, Object, Scene

SCENES = [random_scene(generator(0, "test", index)) for index in range(60)]


def one(shape="circle", color="red", texture="plain", x=0.5, y=0.5, size=0.5):
    return Scene(Background("stone floor"), (Object(shape, color, texture, x, y, size),))


@pytest.mark.parametrize("size_px", [32, 64, 100])
def test_image_and_masks_have_the_size_asked_for(size_px):
    assert render(SCENES[0], size_px).shape == (size_px, size_px, 3)
    assert render(SCENES[0], size_px).dtype == np.uint8
    assert render_masks(SCENES[0], size_px).shape == (len(SCENES[0].objects), size_px, size_px)


def test_drawing_again_gives_the_same_image():
    for scene in SCENES[:10]:
        assert np.array_equal(render(scene), render(Scene.from_dict(scene.to_dict())))


def test_the_same_scene_at_twice_the_size_is_the_same_picture():
    for scene in SCENES[:10]:
        coarse = render(scene, 64).astype(float)
        fine = render(scene, 128).reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
        assert np.abs(coarse - fine).mean() < 4.0


def test_outlines_are_antialiased():
    yellow_on_dark = Scene(Background("night sky"), one("circle", "yellow").objects)
    red = render(yellow_on_dark)[..., 0]
    assert ((red > 100) & (red < 240)).sum() > 20


@pytest.mark.parametrize("shape", SHAPES)
def test_shape_fills_its_size_and_shows_its_color(shape):
    scene = one(shape, "purple", size=24 / 64)
    mask = render_masks(scene)[0]
    rows, columns = np.nonzero(mask)
    extent = max(np.ptp(rows), np.ptp(columns)) + 1
    assert 21 <= extent <= 25
    inside = render(scene)[mask].astype(int)
    assert np.array_equal(np.median(inside, axis=0), COLORS["purple"])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("texture", TEXTURES[1:])
def test_texture_changes_at_least_a_tenth_of_the_smallest_object(shape, texture):
    size = 12 / 64
    mask = render_masks(one(shape, size=size))[0]
    plain, textured = render(one(shape, size=size)), render(one(shape, texture=texture, size=size))
    changed = np.abs(plain.astype(int) - textured).max(axis=-1) > 60
    assert changed[mask].mean() > 0.1
    assert not changed[~mask].any()


def test_no_object_is_under_ten_pixels_at_64():
    for scene in SCENES:
        for mask in render_masks(scene):
            rows, columns = np.nonzero(mask)
            assert max(np.ptp(rows), np.ptp(columns)) + 1 >= 10


def test_the_last_object_covers_the_others_and_masks_are_disjoint():
    under = Object("square", "red", "plain", 0.5, 0.5, 0.6)
    over = Object("circle", "blue", "plain", 0.5, 0.5, 0.3)
    scene = Scene(Background("meadow"), (under, over))
    masks = render_masks(scene)
    assert not (masks[0] & masks[1]).any()
    assert np.array_equal(masks[1], render_masks(Scene(scene.background, (over,)))[0])
    assert masks[0].sum() + masks[1].sum() == render_masks(Scene(scene.background, (under,)))[0].sum()


def test_only_an_object_footprint_differs_from_the_background():
    for scene in SCENES:
        touched = np.any([footprint(item) for item in scene.objects], axis=0)
        moved = Scene(scene.background, (Object("heart", "pink", "dotted", 0.3, 0.3, 0.2),))
        touched |= footprint(moved.objects[0])
        assert np.array_equal(render(scene)[~touched], render(moved)[~touched])
