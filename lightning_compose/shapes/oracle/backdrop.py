"""The background that an image was drawn on, and the colours that it is drawn with.

All backgrounds are known: a kind is drawn in few ways. Distances are Euclidean in RGB of 255.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lightning_compose.shapes.backgrounds import paint_background
from lightning_compose.shapes.palette import BACKGROUNDS
from lightning_compose.shapes.scenes import VARIANTS, Background

FAR_OFF = 60.0  # distance beyond which more makes no difference: an object, whatever its colour
MOST_MISFIT = 30.0  # distance of what is seen of a background from the one that fits best
SEEN = 0.3  # share of the image that is background, at least
TONE_STEP = 12.0  # colours within it are one tone


@dataclass(frozen=True, slots=True)
class Backdrop:
    """What lies behind the objects.

    Args:
        kind: One of `BACKGROUNDS`, None if none fits.
        picture: The nearest background there is, float [h, w, 3].
        tones: The colours of its kind, [tones, 3].
    """

    kind: str | None
    picture: np.ndarray
    tones: np.ndarray


def find_backdrop(image: np.ndarray) -> Backdrop:
    """Find the background of an image, float [h, w, 3] in [0, 255]; objects may hide most of it."""
    backgrounds, pictures = _gallery(len(image))
    misses = lengths(image[::2, ::2].astype(np.float32) - pictures).reshape(len(pictures), -1)
    best = int(np.minimum(misses, FAR_OFF).mean(axis=1).argmin())
    fits = np.quantile(misses[best], SEEN) <= MOST_MISFIT
    background = backgrounds[best]
    picture = paint_background(background, len(image))
    tint = _tint(image, picture)
    return Backdrop(background.kind if fits else None, picture + tint, _tones(background.kind, len(image)) + tint)


def _tint(image: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Return by how much the whole background is off, [3]."""
    change = (image - picture)[lengths(image - picture) < MOST_MISFIT]
    return np.median(change, axis=0) if len(change) else np.zeros(3)


def lengths(vectors: np.ndarray) -> np.ndarray:
    """Return the lengths of vectors [..., channels]."""
    return np.sqrt(np.einsum("...c,...c->...", vectors, vectors))


@lru_cache(maxsize=4)
def _gallery(size_px: int) -> tuple[list[Background], np.ndarray]:
    """Return every background, and every other pixel of its picture."""
    backgrounds = [Background(kind, variant) for kind in BACKGROUNDS for variant in range(VARIANTS)]
    pictures = np.stack([paint_background(each, size_px)[::2, ::2] for each in backgrounds])
    return backgrounds, pictures.astype(np.float32)


@lru_cache(maxsize=32)
def _tones(kind: str, size_px: int) -> np.ndarray:
    pictures = [paint_background(Background(kind, variant), size_px) for variant in range(VARIANTS)]
    pixels = np.concatenate([picture.reshape(-1, 3) for picture in pictures])
    _, groups = np.unique(np.round(pixels / TONE_STEP), axis=0, return_inverse=True)
    return np.stack([pixels[groups == group].mean(axis=0) for group in range(groups.max() + 1)])
