"""Counting: objects of one kind come or go, all others stay where they are."""

from collections import Counter

import pytest

from lightning_compose.seeding import generator
from lightning_compose.shapes.recipes.counting import draft_counting, draft_counting_kinds


@pytest.mark.parametrize("draft_pair", [draft_counting, draft_counting_kinds])
def test_objects_are_only_added_or_only_removed(draft_pair):
    for index in range(60):
        draft = draft_pair(generator(0, "count", index), "train")
        before, after = Counter(draft.positive.objects), Counter(draft.negative.objects)
        added, removed = after - before, before - after
        assert bool(added) != bool(removed)
        assert len({item.shape for item in added + removed}) == 1


@pytest.mark.parametrize("draft_pair", [draft_counting, draft_counting_kinds])
def test_captions_count_rightly(draft_pair):
    for index in range(60):
        draft = draft_pair(generator(0, "count", index), "train")
        for scene, description in (
            (draft.positive, draft.description),
            (draft.negative, draft.negative_description),
        ):
            assert sorted(index for group in description.groups for index in group.objects) == list(
                range(len(scene.objects))
            )
            for group in description.groups:
                assert group.counted
                assert {scene.objects[each].shape for each in group.objects} == {group.shape}
                assert len({(scene.objects[each].color, scene.objects[each].texture) for each in group.objects}) == 1


def test_all_numbers_occur():
    drafts = [draft_counting(generator(0, "numbers", index), "train") for index in range(100)]
    assert {len(draft.positive.objects) for draft in drafts} == {2, 3, 4, 5}
    assert {len(draft.negative.objects) for draft in drafts} == {1, 2, 3, 4, 5}
    kinds = [draft_counting_kinds(generator(0, "numbers", index), "train") for index in range(100)]
    assert {len(draft.description.groups) for draft in kinds} == {2, 3}
    assert {len(draft.positive.objects) for draft in kinds} == {3, 4, 5}
