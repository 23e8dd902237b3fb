"""Color, shape, texture: the attribute named changes, and nothing else."""

import dataclasses

import pytest

from lightning_compose.seeding import generator
from lightning_compose.shapes.recipes.attributes import change, draft_attribute


@pytest.mark.parametrize("attribute", ["color", "shape", "texture"])
@pytest.mark.parametrize("count", [1, 2])
def test_only_the_attribute_changes(attribute, count):
    swapped = 0
    for index in range(60):
        draft = draft_attribute(generator(0, attribute, index), "train", attribute, count)
        before, after = draft.positive.objects, draft.negative.objects
        changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
        assert changed
        for old, new in changed:
            assert dataclasses.replace(old, **{attribute: getattr(new, attribute)}) == new
        swapped += len(changed) == 2
        assert draft.positive.background == draft.negative.background
    assert (10 < swapped < 50) == (count == 2)


def test_exchanged_shapes_are_told_apart_by_color():
    for index in range(60):
        draft = draft_attribute(generator(0, "shape", index), "train", "shape", 2)
        if sorted(item.shape for item in draft.positive.objects) == sorted(
            item.shape for item in draft.negative.objects
        ):
            assert all(group.color for group in draft.description.groups)


def test_texture_captions_say_plain():
    drafts = [draft_attribute(generator(0, "plain", index), "train", "texture", 1) for index in range(60)]
    assert "plain" in {draft.description.groups[0].texture for draft in drafts}
    assert all(draft.description.groups[0].texture for draft in drafts)


def test_a_change_brings_something_new():
    for index in range(30):
        scene = draft_attribute(generator(0, "new", index), "train", "color", 2).positive
        changed = change(generator(1, "new", index), scene, "shape")
        present = {item.shape for item in scene.objects}
        assert len({item.shape for item in changed.objects} - present) == 1
