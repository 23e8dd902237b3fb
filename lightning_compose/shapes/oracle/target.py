"""The parts of an image that may be objects: pixels of one colour that touch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lightning_compose.shapes.oracle.connected import connected_parts
from lightning_compose.shapes.oracle.paints import Paints
from lightning_compose.shapes.palette import COLORS

LEAST_PX = 16  # a crescent of 12 px has twice as many
HIDDEN_WEIGHT = 0.1
MARGIN_PX = 4
OPEN = 0.8  # share of a pixel below which it may be background


@dataclass(frozen=True, slots=True)
class Target:
    """What a silhouette is fitted to, in a window of the image.

    Args:
        color: Index of the colour.
        core: The pixels of the image that show it for certain, bool [image height, image width].
        window: Rows and columns of the image.
        share: Of each pixel of the window that the object covers, [h, w].
        weight: How much a pixel counts: what another object may hide counts little, [h, w].
        box: Left, right, top and bottom of the core, in pixels of the image.
    """

    color: int
    core: np.ndarray
    window: tuple[slice, slice]
    share: np.ndarray
    weight: np.ndarray
    box: tuple[int, int, int, int]

    @property
    def x_px(self) -> np.ndarray:
        """Centres of the window's columns, [w]."""
        return np.arange(self.window[1].start, self.window[1].stop) + 0.5

    @property
    def y_px(self) -> np.ndarray:
        """Centres of the window's rows, [h]."""
        return np.arange(self.window[0].start, self.window[0].stop) + 0.5

    @property
    def visible(self) -> np.ndarray:
        """Where no other object is seen, bool [h, w]."""
        return self.weight == 1.0


def find_targets(paints: Paints) -> list[Target]:
    """Return the parts that are large enough for an object, the largest first."""
    targets = []
    for color in range(len(COLORS)):
        core = paints.label == color
        if core.sum() < LEAST_PX:
            continue
        accents = (paints.label == -1) & (paints.share[color] > 0.5)
        cores = (part & core for part in connected_parts(core | accents))
        targets += [_target(paints, color, each) for each in cores if each.sum() >= LEAST_PX]
    return sorted(targets, key=lambda target: -int(target.core.sum()))


def _target(paints: Paints, color: int, core: np.ndarray) -> Target:
    rows, columns = np.nonzero(core)
    left, right, top, bottom = (int(each) for each in (columns.min(), columns.max() + 1, rows.min(), rows.max() + 1))
    # A quarter more on each side: what is hidden may reach farther.
    margin = MARGIN_PX + max(right - left, bottom - top) // 4
    tall = slice(max(top - margin, 0), min(bottom + margin, core.shape[0]))
    wide = slice(max(left - margin, 0), min(right + margin, core.shape[1]))
    other = ((paints.label != -1) & ~core)[tall, wide]
    share = np.where(other, 0.0, paints.share[color, tall, wide])
    settled = _settle(share, paints.accent_likelier[color, tall, wide], other)
    weight = np.where(other, HIDDEN_WEIGHT, 1.0)
    return Target(color, core, (tall, wide), settled, weight, (left, right, top, bottom))


def _settle(share: np.ndarray, accent_likelier: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Decide for whole patches what single pixels leave open: whether they are accent, or background."""
    settled = share.copy()
    for patch in connected_parts((share < OPEN) & ~other, corners=False):
        if accent_likelier[patch].mean() > 0:
            settled[patch] = 1.0
    return settled
