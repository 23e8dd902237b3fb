"""Scenes with noisy captions: which scene, which masks, and the same again."""

from dataclasses import replace

import numpy as np
import pytest

from lightning_compose.data.images import decode_image
from lightning_compose.data.masks import decode_mask
from lightning_compose.seeding import generator
from lightning_compose.shapes.caption_noise import CaptionNoise, corrupt
from lightning_compose.shapes.captions import phrase
from lightning_compose.shapes.holdout import shown
from lightning_compose.shapes.noisy import draw_noisy, generate_noisy
from lightning_compose.shapes.pairs import draw_pair
from lightning_compose.shapes.render import render, render_masks

SILENT = CaptionNoise(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
NOUN_INVENTED = CaptionNoise(0.0, 0.0, 0.0, 0.0, 0.0, noun_invented=1.0)


def test_without_noise_the_scene_is_the_positive_of_the_training_pair_and_the_caption_states_what_it_states():
    for index in range(16):
        drawn, pair = draw_noisy(3, index, SILENT), draw_pair(3, "train", index)
        assert (drawn.scene, drawn.stage, drawn.category) == (pair.positive, pair.stage, pair.category)
        assert drawn.description == pair.description


def test_the_scene_shows_no_held_out_composition():
    for index in range(64):
        assert not shown(draw_noisy(3, index).scene)


def test_an_invented_noun_is_in_the_caption_and_not_in_the_scene():
    for index in range(64):
        drawn, pair = draw_noisy(3, index, NOUN_INVENTED), draw_pair(3, "train", index)
        assert drawn.caption == draw_noisy(3, index, SILENT).caption
        groups = list(zip(pair.description.groups, drawn.description.groups, strict=True))
        absent = [each for stated, kept in groups if not kept.objects for each in stated.objects]
        assert bool(absent) == (len(groups) > 1)
        objects = enumerate(pair.positive.objects)
        assert drawn.scene.objects == tuple(each for number, each in objects if number not in absent)


def test_the_description_says_what_the_caption_does():
    for index in range(64):
        drawn = draw_noisy(3, index)
        full = corrupt(generator(3, "shapes/caption-noise", index), draw_pair(3, "train", index).description)
        assert drawn.caption == phrase(full, draw_pair(3, "train", index).style)
        assert [replace(each, objects=()) for each in drawn.description.groups] == [
            replace(each, objects=()) for each in full.groups
        ]


def test_nouns_are_invented_whether_or_not_attributes_are_swapped():
    def is_swapped(index):
        noise = replace(SILENT, attributes_swapped=0.5)
        return draw_noisy(3, index, noise).description != draw_noisy(3, index, SILENT).description

    several = [index for index in range(600) if len(draw_pair(3, "train", index).description.groups) > 1]
    half = replace(SILENT, noun_invented=0.5)
    invented = [index for index in several if draw_noisy(3, index, half).scene != draw_pair(3, "train", index).positive]
    among_all, among_invented = (sum(map(is_swapped, each)) / len(each) for each in (several, invented))
    assert among_invented == pytest.approx(among_all, abs=0.1)


def test_the_image_is_of_the_scene_without_what_is_invented():
    for sample in generate_noisy(3, range(16), noise=NOUN_INVENTED):
        index = int(sample.key[1:])
        scene = draw_noisy(3, index, NOUN_INVENTED).scene
        assert np.array_equal(decode_image(sample.positive), render(scene))
        assert sample.annotation.source["positive"] == scene.to_dict()


def test_the_mask_of_an_invented_noun_is_empty():
    found = 0
    for sample in generate_noisy(3, range(64)):
        drawn = draw_noisy(3, int(sample.key[1:]))
        for group, mask in zip(drawn.description.groups, sample.annotation.masks, strict=False):
            assert bool(group.objects) == bool(decode_mask(mask).any())
            found += not group.objects
    assert found


def test_some_captions_are_wrong_and_some_are_not():
    same = [draw_noisy(3, index).description == draw_pair(3, "train", index).description for index in range(64)]
    assert 10 < sum(same) < 54


def test_samples_are_the_same_again_and_have_neither_negative_nor_questions():
    first, again = list(generate_noisy(3, range(4))), list(generate_noisy(3, range(2, 4)))
    assert first[2:] == again
    for sample in first:
        assert sample.negative is None
        assert sample.annotation.questions == ()
        assert sample.annotation.source["noise"]["noun_invented"] == 0.5


def test_a_noun_without_its_number_keeps_the_masks_of_all_its_objects():
    samples = [each for each in generate_noisy(3, range(200)) if "ome " in each.annotation.caption]
    assert samples
    for sample in samples:
        drawn = draw_noisy(3, int(sample.key[1:]))
        visible = render_masks(drawn.scene)
        for noun in sample.annotation.nouns:
            if noun.mask is not None and noun.mask < len(drawn.description.groups):
                objects = list(drawn.description.groups[noun.mask].objects)
                mask = decode_mask(sample.annotation.masks[noun.mask])
                assert np.array_equal(mask.astype(bool), np.any(visible[objects], axis=0))
