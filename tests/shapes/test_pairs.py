"""A pair is pure in its index, and its images differ where its captions do and nowhere else."""

from collections import Counter

import numpy as np
import pytest

from lightning_compose.data.schema import CATEGORIES, STAGES
from lightning_compose.shapes.pairs import ROUND, draw_pair
from lightning_compose.shapes.render import footprint, render, render_masks


def test_a_pair_depends_on_seed_split_and_index_alone():
    first = [draw_pair(3, "train", index) for index in range(40)]
    assert [draw_pair(3, "train", index) for index in reversed(range(40))] == first[::-1]
    assert draw_pair(4, "train", 0) != first[0]
    assert draw_pair(3, "held_out", 0) != first[0]


def test_unknown_split_is_refused():
    with pytest.raises(ValueError, match="held_out"):
        draw_pair(0, "test", 0)


def test_a_round_has_the_categories_of_each_stage():
    kinds = {(stage, category) for stage, category, _ in ROUND}
    assert {stage for stage, _ in kinds} == set(STAGES)
    assert {category for _, category in kinds} == set(CATEGORIES) - {"other"}
    single = {category for stage, category in kinds if stage == "single"}
    composition = {category for stage, category in kinds if stage == "composition"}
    assert single == {"color", "shape", "texture", "scene", "counting"}
    assert composition == {"color", "shape", "texture", "spatial", "non-spatial", "scene"}
    assert {category for stage, category in kinds if stage == "complex"} == {"complex", "counting"}


def test_number_of_objects_fits_the_stage(train_pairs):
    for pair in train_pairs:
        count = len(pair.positive.objects)
        match pair.stage:
            case "single":
                assert len(pair.description.groups) == 1
                assert (count >= 2) == (pair.category == "counting")
            case "composition":
                assert count == len(pair.description.groups) == 2
            case "complex":
                assert 3 <= count <= 5


def test_only_changed_objects_change_pixels(some_pairs):
    for pair in some_pairs:
        if pair.category == "scene":
            continue
        assert pair.positive.background == pair.negative.background
        touched = np.any([footprint(item) for item in changed_objects(pair)], axis=0)
        differ = np.any(render(pair.positive) != render(pair.negative), axis=-1)
        assert differ.any()
        assert not differ[~touched].any(), pair


def test_only_the_background_changes_in_scene_pairs(some_pairs):
    for pair in (each for each in some_pairs if each.category == "scene"):
        assert pair.positive.objects == pair.negative.objects
        assert pair.positive.background.kind != pair.negative.background.kind
        inside = np.any([footprint(item) for item in pair.positive.objects], axis=0)
        body = np.any(render_masks(pair.positive), axis=0)
        differ = np.any(render(pair.positive) != render(pair.negative), axis=-1)
        # The outline is blended with what lies behind it; the body is not.
        assert differ[~inside].mean() > 0.9
        assert differ[body].mean() < 0.3


def test_every_object_stays_visible(some_pairs):
    for pair in some_pairs:
        for scene in (pair.positive, pair.negative):
            for item, mask in zip(scene.objects, render_masks(scene), strict=True):
                alone = render_masks(type(scene)(scene.background, (item,)))[0]
                assert mask.sum() >= 0.6 * alone.sum()
                rows, columns = np.nonzero(mask)
                assert max(np.ptp(rows), np.ptp(columns)) + 1 >= 10


def changed_objects(pair):
    before, after = Counter(pair.positive.objects), Counter(pair.negative.objects)
    changed = (before - after) + (after - before)
    return list(changed) or list(pair.positive.objects)  # only their order changed
