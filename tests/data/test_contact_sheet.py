"""The sheet shows every sample, whole, with its masks and its nouns in the same colours."""

import numpy as np
import pytest

from lightning_compose.data.contact_sheet import GAP_PX, PANEL_PX, contact_sheet
from lightning_compose.data.images import decode_image
from lightning_compose.data.overlay import mask_color
from lightning_compose.data.schema import Noun


def close_to(pixels, color):
    return np.abs(pixels.astype(int) - color).sum(axis=2) < 40


@pytest.mark.parametrize("count", [1, 2, 5])
def test_samples_are_laid_out_two_a_row(make_sample, count):
    sheet = contact_sheet([make_sample(number) for number in range(count)])
    assert sheet.width == 1248
    one = contact_sheet([make_sample(0)]).height
    assert sheet.height == one * -(-count // 2)


def test_positive_negative_and_masks_are_side_by_side(make_sample):
    sample = make_sample(3, height=PANEL_PX, width=PANEL_PX)
    sheet = np.asarray(contact_sheet([sample]))
    panels = sheet[-PANEL_PX - 2 * GAP_PX :]
    top = next(row for row in range(len(panels)) if np.array_equal(
        panels[row, GAP_PX : GAP_PX + PANEL_PX], decode_image(sample.positive)[0]))  # fmt: skip
    whole = panels[top : top + PANEL_PX]
    assert np.array_equal(whole[:, GAP_PX : GAP_PX + PANEL_PX], decode_image(sample.positive))
    left = 2 * GAP_PX + PANEL_PX
    assert np.array_equal(whole[:, left : left + PANEL_PX], decode_image(sample.negative))
    assert close_to(whole[:, left + PANEL_PX + GAP_PX :], mask_color(0)).any()


def test_a_noun_is_named_in_the_color_of_its_mask(make_sample):
    text_height = 60
    masked = np.asarray(contact_sheet([make_sample(0)]))[:text_height]
    assert close_to(masked, mask_color(0)).any()
    bare = make_sample(0, nouns=(Noun("cup", ((0, 3),)),), masks=())
    assert not close_to(np.asarray(contact_sheet([bare]))[:text_height], mask_color(0)).any()


def test_punctuation_after_a_noun_is_black(make_sample):
    plain, comma = (
        np.asarray(contact_sheet([make_sample(0, caption=f"cup{mark}", nouns=(Noun("cup", ((0, 3),), mask=0),))]))
        for mark in ("", ",,,,,,")
    )
    colored = [close_to(sheet[:60], mask_color(0)) for sheet in (plain, comma)]
    assert np.array_equal(*colored)
    assert (comma[:60].max(axis=2) < 90).sum() > (plain[:60].max(axis=2) < 90).sum()


def test_captions_only_sets_can_be_drawn(make_sample):
    contact_sheet([make_sample(0, negative=False, nouns=(), masks=())])


def test_wide_and_tiny_images_fit_their_panels(make_sample):
    assert contact_sheet([make_sample(0, height=10, width=900), make_sample(1, height=10, width=7)]).width == 1248
