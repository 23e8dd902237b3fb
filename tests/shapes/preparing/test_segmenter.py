"""The oracle's masks against the world's true ones."""

import numpy as np
from PIL import Image

from lightning_compose.shapes.description import Description
from lightning_compose.shapes.generate import noun_masks
from lightning_compose.shapes.pairs import draw_pair
from lightning_compose.shapes.preparing.segmenter import OracleSegmenter, visible
from lightning_compose.shapes.render import render, render_masks
from lightning_compose.shapes.scenes import Background, Object, Scene

TWO_RINGS = Scene(
    Background("meadow"),
    (
        Object("ring", "red", "plain", 0.25, 0.28, 0.4),
        Object("ring", "blue", "plain", 0.72, 0.72, 0.4),
        Object("heart", "green", "plain", 0.75, 0.25, 0.3),
    ),
)


def names(description: Description) -> list[str]:
    """Of the masks that `noun_masks` returns, in their order."""
    shapes = [group.shape for group in description.groups]
    return shapes + ([description.background] if description.background is not None else [])


def iou(found, true):
    return 0.0 if found is None else float((found.mask & true).sum() / (found.mask | true).sum())


def test_masks_agree_with_those_of_the_scene():
    overlaps = []
    for index in range(20):
        pair = draw_pair(5, "train", index)
        (found,) = OracleSegmenter().segment([Image.fromarray(render(pair.positive))], [names(pair.description)])
        true = noun_masks(pair.positive, pair.description, 64)
        overlaps += [iou(*each) for each in zip(found, true, strict=True)]
    assert len(overlaps) > 35
    assert np.mean(overlaps) > 0.95
    assert np.mean(np.array(overlaps) > 0.8) > 0.97


def test_what_is_visible_is_what_was_drawn():
    for index in range(16):
        scene = draw_pair(6, "train", index).positive
        np.testing.assert_array_equal(visible(scene.objects, 64, 64), render_masks(scene))


def test_a_noun_has_all_its_objects_and_one_that_is_not_shown_nothing():
    image = Image.fromarray(render(TWO_RINGS, 128))
    (found,) = OracleSegmenter().segment([image], [["rings", "star", "meadow", "desert", "woman"]])
    rings, star, meadow, desert, woman = found
    true = render_masks(TWO_RINGS, 128)
    assert iou(rings, true[0] | true[1]) > 0.9
    assert (len(rings.boxes), len(rings.scores), rings.mask.shape) == (2, 2, (128, 128))
    columns = np.flatnonzero(rings.mask.any(axis=0))
    assert (min(box[0] for box in rings.boxes), max(box[2] for box in rings.boxes)) == (columns[0], columns[-1] + 1)
    assert iou(meadow, ~true.any(axis=0)) > 0.9
    assert (star, desert, woman) == (None, None, None)


def test_an_image_may_be_asked_nothing():
    assert OracleSegmenter().segment([Image.fromarray(render(TWO_RINGS))], [[]]) == [()]
