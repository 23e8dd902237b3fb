"""Non-spatial: the relations can be seen in the pixels."""

from collections import Counter

import numpy as np
import pytest

from lightning_compose.seeding import generator
from lightning_compose.shapes.recipes.non_spatial import draft_non_spatial
from lightning_compose.shapes.relations import NON_SPATIAL, holds
from lightning_compose.shapes.render import render_masks

DRAFTS = [draft_non_spatial(generator(0, "non-spatial", index), "train") for index in range(120)]
SIDES = [(draft.positive, draft.description.relations[0]) for draft in DRAFTS]
SIDES += [(draft.negative, draft.negative_description.relations[0]) for draft in DRAFTS]


def seen(name):
    """Return the masks of subject and object, at 256 px, of all scenes in which a relation is stated."""
    for scene, relation in SIDES:
        if relation.name == name:
            masks = render_masks(scene, 256)
            yield masks[relation.subject], masks[relation.object]


def grown(mask, by_px):
    padded = np.pad(mask, by_px)
    height, width = mask.shape
    shifts = range(2 * by_px + 1)
    return np.any([padded[y : y + height, x : x + width] for y in shifts for x in shifts], axis=0)


def test_all_relations_occur():
    counts = Counter(draft.description.relations[0].name for draft in DRAFTS)
    assert set(counts) == set(NON_SPATIAL)
    assert max(counts.values()) < 50


def test_relations_hold_in_their_own_scene_alone():
    for draft in DRAFTS:
        (relation,), (opposite,) = draft.description.relations, draft.negative_description.relations
        assert holds(relation.name, draft.positive, relation.subject, relation.object)
        shapes = [item.shape for item in draft.negative.objects]
        subject, target = (draft.description.groups[each].shape for each in (relation.subject, relation.object))
        assert not holds(relation.name, draft.negative, shapes.index(subject), shapes.index(target))
        assert holds(opposite.name, draft.negative, opposite.subject, opposite.object)


def test_objects_stay_the_same():
    for draft in DRAFTS:
        before, after = (
            Counter((item.shape, item.color, item.texture) for item in scene.objects)
            for scene in (draft.positive, draft.negative)
        )
        assert before == after


def test_touching_outlines_meet():
    for subject, target in seen("touching"):
        assert (grown(subject, 4) & target).any()


def test_far_outlines_do_not():
    for subject, target in seen("far from"):
        assert np.abs(np.argwhere(subject)[::7, None] - np.argwhere(target)[None, ::7]).max(axis=-1).min() > 20


def test_what_is_inside_is_surrounded():
    for subject, target in seen("inside"):
        rows, columns = np.nonzero(subject)
        for row, column in ((rows[0], columns[0]), (rows[-1], columns[-1])):
            assert target[row, :column].any()
            assert target[row, column:].any()
            assert target[:row, column].any()
            assert target[row:, column].any()


def test_what_is_outside_is_apart():
    for subject, target in seen("outside"):
        assert not (grown(subject, 4) & target).any()


def test_what_covers_is_whole_and_meets_what_it_covers():
    for name, top in (("covering", 0), ("behind", 1)):
        for masks in seen(name):
            assert (grown(masks[top], 2) & masks[1 - top]).any()


@pytest.mark.parametrize(("name", "large"), [("larger than", 0), ("smaller than", 1)])
def test_larger_is_larger(name, large):
    def extent(mask):
        rows, columns = np.nonzero(mask)
        return max(np.ptp(rows), np.ptp(columns)) + 1

    for masks in seen(name):
        assert extent(masks[large]) > 1.35 * extent(masks[1 - large])
