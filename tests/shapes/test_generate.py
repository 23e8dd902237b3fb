"""Samples: masks, nouns, questions and images agree with the scenes they come from."""

import numpy as np
import pytest

from lightning_compose.data.images import decode_image
from lightning_compose.data.masks import decode_mask
from lightning_compose.data.schema import Annotation
from lightning_compose.shapes.description import Description, Group
from lightning_compose.shapes.generate import generate, noun_masks
from lightning_compose.shapes.pairs import ROUND, draw_pair
from lightning_compose.shapes.palette import COLORS
from lightning_compose.shapes.render import render, render_masks
from lightning_compose.shapes.scenes import Background, Object, Scene

COUNT = 4 * len(ROUND)


@pytest.fixture(scope="module")
def samples():
    return list(generate(5, "train", range(COUNT)))


def test_the_same_call_gives_the_same_samples(samples):
    assert list(generate(5, "train", range(16, 32))) == samples[16:32]


def test_keys_are_unique_over_splits(samples):
    held_out = list(generate(5, "held_out", range(4)))
    assert [each.key for each in samples[:2]] == ["000000000", "000000001"]
    assert held_out[0].key == "h000000000"


def test_images_show_the_scenes_of_the_source(samples):
    for sample in samples:
        scenes = (Scene.from_dict(sample.annotation.source[side]) for side in ("positive", "negative"))
        for scene, image in zip(scenes, (sample.positive, sample.negative), strict=True):
            assert np.array_equal(decode_image(image), render(scene))


def test_source_leads_back_to_the_pair(samples):
    source = samples[7].annotation.source
    pair = draw_pair(source["seed"], source["split"], source["index"])
    assert pair.positive == Scene.from_dict(source["positive"])
    assert pair.negative == Scene.from_dict(source["negative"])


def test_annotations_survive_json(samples):
    assert all(Annotation.from_json(each.annotation.to_json()) == each.annotation for each in samples)


def test_nouns_are_in_order_and_have_masks(samples):
    for sample in samples:
        nouns, masks = sample.annotation.nouns, [decode_mask(mask) for mask in sample.annotation.masks]
        assert sorted(nouns, key=lambda noun: noun.spans[0]) == list(nouns)
        assert sorted(noun.mask for noun in nouns) == list(range(len(masks)))
        assert all(mask.sum() > 30 for mask in masks)
        assert np.sum(masks, axis=0).max() <= 1


def test_masks_show_the_color_their_noun_has(samples):
    for sample in samples:
        pixels = decode_image(sample.positive).astype(int)
        for noun in sample.annotation.nouns:
            inside = pixels[decode_mask(sample.annotation.masks[noun.mask])]
            for color in (each.text for each in noun.attributes if each.text in COLORS):
                assert (np.abs(inside - COLORS[color]).max(axis=-1) < 12).mean() > 0.1


def test_one_mask_is_the_union_of_what_its_noun_counts():
    objects = tuple(Object("ring", "red", "plain", x, 0.5, 0.2) for x in (0.2, 0.5, 0.8))
    scene = Scene(Background("meadow"), objects)
    description = Description((Group("ring", (0, 1, 2), counted=True),), background="meadow")
    rings, meadow = noun_masks(scene, description, 64)
    assert np.array_equal(rings, render_masks(scene).any(axis=0))
    assert np.array_equal(meadow, ~rings)


def test_masks_follow_the_size_of_the_image():
    (sample,) = generate(5, "train", range(1), size_px=96)
    assert decode_image(sample.positive).shape == (96, 96, 3)
    assert {mask.size for mask in sample.annotation.masks} == {(96, 96)}
