"""Random scenes cover the world and keep to its limits."""

from collections import Counter
from itertools import combinations

from lightning_compose.seeding import generator
from lightning_compose.shapes.layout import apart
from lightning_compose.shapes.palette import BACKGROUNDS, COLORS, SHAPES, TEXTURES
from lightning_compose.shapes.sample import random_scene

SCENES = [random_scene(generator(0, "test", index)) for index in range(400)]
OBJECTS = [item for scene in SCENES for item in scene.objects]


def test_same_generator_gives_same_scene():
    assert random_scene(generator(3, "a", 5)) == random_scene(generator(3, "a", 5))
    assert random_scene(generator(3, "a", 5)) != random_scene(generator(3, "a", 6))


def test_everything_occurs():
    assert {item.shape for item in OBJECTS} == set(SHAPES)
    assert {item.color for item in OBJECTS} == set(COLORS)
    assert {item.texture for item in OBJECTS} == set(TEXTURES)
    assert {scene.background.kind for scene in SCENES} == set(BACKGROUNDS)
    assert min(Counter(len(scene.objects) for scene in SCENES).values()) > 40


def test_objects_are_in_the_frame_and_apart():
    for scene in SCENES:
        places = [(item.x, item.y, item.size) for item in scene.objects]
        assert all(size / 2 <= min(x, y) and max(x, y) <= 1 - size / 2 for x, y, size in places)
        assert all(apart(*pair) for pair in combinations(places, 2))
