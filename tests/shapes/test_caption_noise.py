"""Noise of captions: each share is what it says, and what is not noisy is left alone."""

import dataclasses

import numpy as np
import pytest

from lightning_compose.shapes.caption_noise import CaptionNoise, corrupt, leave_out
from lightning_compose.shapes.description import Description, Group, Relation
from lightning_compose.shapes.scenes import Background, Object, Scene

SILENT = CaptionNoise(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
TWO = Description(
    (Group("ring", (0,), "red", "dotted"), Group("heart", (1, 2), "blue", None, counted=True)),
    (Relation("left of", 0, 1),),
    "meadow",
)
RING, HEART, OTHER_HEART = (
    Object(shape, "red", "plain", x, 0.5, 0.3) for shape, x in (("ring", 0.2), ("heart", 0.5), ("heart", 0.8))
)
SCENE = Scene(Background("meadow"), (RING, HEART, OTHER_HEART))


def corrupted(count: int, description: Description = TWO, **shares: float) -> list[Description]:
    rng = np.random.default_rng(0)
    return [corrupt(rng, description, dataclasses.replace(SILENT, **shares)) for _ in range(count)]


def share(of, among) -> float:
    return sum(map(of, among)) / len(among)


def test_without_noise_nothing_changes():
    assert corrupted(20) == [TWO] * 20


def test_swapped_attributes_are_those_of_the_other_noun():
    (swapped,) = corrupted(1, attributes_swapped=1.0)
    assert [(each.shape, each.color, each.texture) for each in swapped.groups] == [
        ("ring", "blue", None),
        ("heart", "red", "dotted"),
    ]
    assert [each.objects for each in swapped.groups] == [(0,), (1, 2)]
    assert swapped.groups[1].counted
    assert swapped.background == "meadow"


def test_one_noun_has_nobody_to_swap_with():
    alone = dataclasses.replace(TWO, groups=TWO.groups[:1], relations=())
    assert corrupted(20, alone, attributes_swapped=1.0) == [alone] * 20


@pytest.mark.parametrize(
    ("name", "expected", "of"),
    [
        ("attributes_swapped", 0.3, lambda each: each.groups[0].color == "blue"),
        ("attribute_missing", 0.3, lambda each: each.groups[0].color is None),
        ("attribute_missing", 0.3, lambda each: each.groups[0].texture is None),
        ("number_missing", 0.3, lambda each: not each.groups[1].counted),
        ("relation_missing", 0.3, lambda each: not each.relations),
        ("relation_wrong", 0.3, lambda each: each.relations[0].name == "right of"),
    ],
)
def test_a_share_is_what_it_says(name, expected, of):
    assert share(of, corrupted(2000, **{name: expected})) == pytest.approx(expected, abs=0.035)


def test_wrong_relations_are_a_share_of_those_that_are_stated():
    drawn = corrupted(2000, relation_missing=0.5, relation_wrong=0.4)
    stated = [each for each in drawn if each.relations]
    assert share(lambda each: each.relations[0].name == "right of", stated) == pytest.approx(0.4, abs=0.05)


def left_out(count: int, share: float, description: Description = TWO) -> list[tuple[Scene, Description]]:
    rng = np.random.default_rng(0)
    return [leave_out(rng, SCENE, description, dataclasses.replace(SILENT, noun_invented=share)) for _ in range(count)]


def test_an_invented_noun_has_no_object_and_the_others_have_theirs():
    seen = set()
    for scene, description in left_out(20, 1.0):
        named = [[scene.objects[index] for index in group.objects] for group in description.groups]
        assert named in ([[], [HEART, OTHER_HEART]], [[RING], []])
        assert len(scene.objects) == sum(map(len, named))
        assert [each.shape for each in description.groups] == ["ring", "heart"]
        seen.add(len(scene.objects))
    assert seen == {1, 2}


def test_invented_nouns_are_a_share_of_the_captions_of_several():
    assert share(lambda each: each[0] != SCENE, left_out(2000, 0.3)) == pytest.approx(0.3, abs=0.035)


def test_a_caption_of_one_noun_invents_none():
    alone = dataclasses.replace(TWO, groups=TWO.groups[:1], relations=())
    assert left_out(20, 1.0, alone) == [(SCENE, alone)] * 20
