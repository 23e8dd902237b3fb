"""One geometric transform for an image and its masks: a square crop, a resize, perhaps a mirror.

A crop is drawn as fractions, so that a negative of another size is cut at the same place as its positive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from lightning_compose.seeding import generator

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Crop = Literal["center", "random"]

_DIRECTION = re.compile(
    r"\b(left|right|above|below|beneath|under|underneath|over|top|bottom|upper|lower|north|south|east|west|"
    r"(anti|counter)?-?clockwise)(most|wards?|hand)?\b",
    re.IGNORECASE,
)


def has_direction(caption: str) -> bool:
    """Tell whether a caption says left, right, above...: then its image must not be mirrored."""
    return _DIRECTION.search(caption) is not None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the square is cut.

    Args:
        top: Share of the free height that lies above the square, in ``[0, 1]``.
        left: Share of the free width to its left, in ``[0, 1]``.
        mirrored: Whether left and right are exchanged after the cut.
    """

    top: float = 0.5
    left: float = 0.5
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Transform:
    """Cut the largest square and resize it.

    Args:
        size_px: Side of the result.
        crop: Whether the square is at the center or at a random place.
        mirror: Whether every other image is mirrored, but for captions with a direction.
        seed: The run's seed.
    """

    size_px: int
    crop: Crop = "center"
    mirror: bool = False
    seed: int = 0

    def place(self, index: int, captions: tuple[str, ...]) -> Placement:
        """Draw the placement of one sample.

        Args:
            index: Global sample index.
            captions: The caption and, if there is one, the negative caption.
        """
        # All three are always drawn: switching the mirror on moves no crop.
        top, left, mirrored = generator(self.seed, "augment", index).random(3).tolist()
        mirrored = self.mirror and mirrored < 0.5 and not any(map(has_direction, captions))
        return Placement(top, left, mirrored) if self.crop == "random" else Placement(mirrored=mirrored)

    def image(self, pixels: Pixels, placement: Placement) -> Pixels:
        """Transform an image, uint8 ``[height, width, 3]``, to ``[size_px, size_px, 3]``."""
        return self._resize(_cut(pixels, placement), Image.Resampling.LANCZOS)

    def mask(self, mask: Mask, placement: Placement) -> Mask:
        """Transform a mask, bool ``[height, width]``, to ``[size_px, size_px]``: a pixel is in if half of it is."""
        square = _cut(mask, placement)
        if len(square) == self.size_px:
            return square
        return self._resize(square.astype(np.uint8) * 255, Image.Resampling.BOX) >= 128

    def _resize(self, square: Pixels, resampling: Image.Resampling) -> Pixels:
        if len(square) == self.size_px:
            return square
        image = Image.fromarray(np.ascontiguousarray(square))
        return np.asarray(image.resize((self.size_px, self.size_px), resampling))


def _cut(array: npt.NDArray, placement: Placement) -> npt.NDArray:
    height, width = array.shape[:2]
    side = min(height, width)
    top, left = _offset(placement.top, height - side), _offset(placement.left, width - side)
    square = array[top : top + side, left : left + side]
    return square[:, ::-1] if placement.mirrored else square


def _offset(fraction: float, free_px: int) -> int:
    # One more than the free pixels, so that every offset, the last one too, is as likely as any other.
    return min(int(fraction * (free_px + 1)), free_px)
