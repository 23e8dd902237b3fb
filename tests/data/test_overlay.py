"""Colours tell masks apart, on any image."""

from itertools import combinations

import numpy as np

from lightning_compose.data.overlay import COLORS, mask_color, overlay_masks


def test_only_masks_are_colored():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    masks = np.zeros((2, 20, 30), dtype=bool)
    masks[0, 2:10, 2:10] = True
    masks[1, 5:15, 8:20] = True
    drawn = overlay_masks(pixels, masks)
    grey = np.ptp(drawn.astype(int), axis=2) == 0
    assert grey[~masks.any(axis=0)].all()
    assert not grey[masks.any(axis=0)].any()
    assert tuple(drawn[2, 5]) == mask_color(0)
    assert tuple(drawn[5, 8]) == mask_color(1)
    assert tuple(drawn[10, 12]) != mask_color(1)


def test_the_image_itself_is_left_alone():
    pixels = np.full((4, 4, 3), 9, dtype=np.uint8)
    overlay_masks(pixels, [np.ones((4, 4), dtype=bool)])
    assert (pixels == 9).all()


def test_colors_are_far_apart_and_readable_on_white():
    for first, second in combinations(np.array(COLORS), 2):
        assert np.abs(first - second).sum() > 90
    assert max(np.array(COLORS) @ [0.2126, 0.7152, 0.0722]) < 140
    assert mask_color(len(COLORS)) == COLORS[0]
