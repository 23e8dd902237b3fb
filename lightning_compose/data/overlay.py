"""Masks over an image, each in a colour of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Color = tuple[int, int, int]

# Dark enough to be read as text on white; neighbours in the list are far apart.
COLORS: tuple[Color, ...] = (
    (214, 39, 40),
    (31, 99, 190),
    (30, 140, 40),
    (200, 90, 0),
    (130, 60, 180),
    (0, 130, 140),
    (220, 30, 140),
    (120, 80, 40),
)


def mask_color(index: int) -> Color:
    """Return the colour of a mask by its index; after `COLORS` they repeat."""
    return COLORS[index % len(COLORS)]


def overlay_masks(pixels: np.ndarray, masks: Sequence[np.ndarray], opacity: float = 0.6) -> np.ndarray:
    """Draw masks over an image that is turned grey, so that no colour but theirs is left.

    Args:
        pixels: uint8 ``[height, width, 3]``.
        masks: bool ``[height, width]`` each; a later one hides an earlier one.
        opacity: Of the masks' insides, in [0, 1]; their outlines are opaque.
    """
    grey = pixels.mean(axis=2, keepdims=True).repeat(3, axis=2)
    for index, mask in enumerate(masks):
        color = np.array(mask_color(index))
        grey[mask] += opacity * (color - grey[mask])
        grey[mask & ~_inside(mask)] = color
    return grey.round().astype(np.uint8)


def _inside(mask: np.ndarray) -> np.ndarray:
    """The pixels of a mask whose four neighbours are in it too."""
    padded = np.pad(mask, 1)
    return padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
