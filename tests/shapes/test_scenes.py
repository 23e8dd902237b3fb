"""Scenes are plain data, checked when they are made."""

import json

import pytest

from lightning_compose.seeding import generator
from lightning_compose.shapes.sample import random_scene
from lightning_compose.shapes.scenes import Background, Object, Scene, SceneError


def test_scene_survives_json():
    for index in range(50):
        scene = random_scene(generator(0, "scene", index))
        assert Scene.from_dict(json.loads(json.dumps(scene.to_dict()))) == scene


@pytest.mark.parametrize(
    "fields",
    [
        {"shape": "blob"},
        {"color": "mauve"},
        {"texture": "furry"},
        {"size": 9 / 64},
        {"size": 0.9},
    ],
)
def test_unknown_object_is_refused(fields):
    known = {"shape": "heart", "color": "red", "texture": "plain", "x": 0.5, "y": 0.5, "size": 0.4}
    with pytest.raises(SceneError, match="Expected"):
        Object(**{**known, **fields})


def test_unknown_background_is_refused():
    with pytest.raises(SceneError, match="meadow"):
        Background("moon base")
    with pytest.raises(SceneError, match="variant"):
        Background("meadow", 99)


def test_empty_scene_is_refused():
    with pytest.raises(SceneError, match="1 to 5"):
        Scene(Background("meadow"), ())
