"""Which paint each pixel shows: the background's colours, or one of the objects', mixed with its accent.

An object's pixel lies on the line from its colour to its accent, one on its edge between that line and the background.
Distances are Euclidean in RGB of 255, where mixing is linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lightning_compose.shapes.backgrounds import paint_background
from lightning_compose.shapes.palette import ACCENTS, BACKGROUNDS, COLORS
from lightning_compose.shapes.scenes import VARIANTS, Background

SLACK = 6.0  # distance that means nothing: noise, and colours slightly off
FOREIGN = 70.0  # distance at which a pixel is likelier something else
ACCENT_PRIOR = 0.1  # of a mixture with the accent, to one with the background: snow is nearly blue mixed with cream
FAR_OFF = 60.0  # distance beyond which more makes no difference: an object, whatever its colour
LOOKS_LIKE = 75.0  # most distance of a pixel from the colour that it is taken for
MOSTLY_ACCENT = 0.6
MOST_MISFIT = 30.0  # distance of most of what is seen of a background from the one that fits best
SEEN_BACKGROUND = 0.3  # share of the image
TONE_STEP = 12.0
LEAST_ALIKE = 5  # pixels of a colour within 5 x 5


@dataclass(frozen=True, slots=True)
class Paints:
    """What each pixel may be painted with; the colours come in the order of `COLORS`.

    Args:
        background: The kind that fits best, None if none fits.
        picture: Of the background that is nearest, float [h, w, 3].
        foreign: Distance of each pixel from all of the background's colours, float [h, w].
        share: Of the pixel that each colour (with its accent) covers, float [colors, h, w] in [0, 1].
        accent: Place between each colour, 0, and its accent, 1, float [colors, h, w].
        distance: From the mixtures of each colour with its accent or with the background, float [colors, h, w].
        accent_likelier: By how much the squared distance from the mixtures with the accent is less than from those
            with the background, float [colors, h, w].
        label: Index of the colour that a pixel shows, -1 = none for certain, int [h, w].
    """

    background: str | None
    picture: np.ndarray
    foreign: np.ndarray
    share: np.ndarray
    accent: np.ndarray
    distance: np.ndarray
    accent_likelier: np.ndarray
    label: np.ndarray


def find_paints(image: np.ndarray) -> Paints:
    """Tell the paints of an image, float [h, w, 3] in [0, 255]."""
    backdrop, misfit = _best_background(image)
    kind = backdrop.kind
    accents = np.asarray(list(ACCENTS.values()), dtype=np.float32)[:, None]
    accent, inside = _mixture(image, accents)
    tones = _tones(kind, len(image))
    faded, outside = _mixture(image, np.tile(tones, (len(COLORS), 1, 1)))
    body, edge, neither = (1.0 / (each**2 + SLACK**2) ** 2 for each in (inside, outside, np.float32(FOREIGN)))
    body *= ACCENT_PRIOR
    share = (body + edge * (1.0 - faded)) / (body + edge + neither)
    distance = np.minimum(inside, outside)
    foreign = np.sqrt(_squares(image[..., None, :] - tones).min(axis=-1))
    picture = paint_background(backdrop, len(image))
    kind_or_none = kind if misfit <= MOST_MISFIT else None
    label = _label(share, accent, distance)
    return Paints(kind_or_none, picture, foreign, share, accent, distance, outside**2 - inside**2, label)


def _mixture(image: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mix each colour with whichever of its ends [colors, ends, 3] brings it nearest to a pixel.

    Returns:
        The end's share of the mixture in [0, 1], and its distance from the pixel, both [colors, h, w].
    """
    colors = np.asarray(list(COLORS.values()), dtype=np.float32)
    lines = (ends - colors[:, None]).astype(np.float32)
    pixels = image.reshape(-1, 3).astype(np.float32)
    offsets = _squares(pixels) - 2 * colors @ pixels.T + _squares(colors)[:, None]
    along = lines @ pixels.T - np.einsum("kec,kc->ke", lines, colors)[..., None]
    lengths = _squares(lines)[..., None]
    share = np.clip(along / lengths, 0.0, 1.0)
    squares = share * (share * lengths - 2 * along)
    best = squares.argmin(axis=1)[:, None]
    share, squares = (np.take_along_axis(each, best, axis=1)[:, 0] for each in (share, squares))
    shape = (len(colors), *image.shape[:2])
    return share.reshape(shape), np.sqrt(np.maximum(offsets + squares, 0.0)).reshape(shape)


def _best_background(image: np.ndarray) -> tuple[Background, float]:
    """Return the background that fits best, and how far from it what is seen of it is."""
    backgrounds, pictures = _gallery(len(image))
    sparse = image[::2, ::2].astype(np.float32)
    misses = np.sqrt(_squares(sparse - pictures)).reshape(len(pictures), -1)
    best = int(np.minimum(misses, FAR_OFF).mean(axis=1).argmin())
    return backgrounds[best], float(np.quantile(misses[best], SEEN_BACKGROUND))


@lru_cache(maxsize=4)
def _gallery(size_px: int) -> tuple[list[Background], np.ndarray]:
    """Return every background, and every other pixel of its picture."""
    backgrounds = [Background(kind, variant) for kind in BACKGROUNDS for variant in range(VARIANTS)]
    pictures = np.stack([paint_background(each, size_px)[::2, ::2] for each in backgrounds])
    return backgrounds, pictures.astype(np.float32)


@lru_cache(maxsize=32)
def _tones(kind: str, size_px: int) -> np.ndarray:
    """Return the colours that a kind of background shows, one for all that are alike, [tones, 3]."""
    pictures = [paint_background(Background(kind, variant), size_px) for variant in range(VARIANTS)]
    pixels = np.concatenate([picture.reshape(-1, 3) for picture in pictures])
    _, groups = np.unique(np.round(pixels / TONE_STEP), axis=0, return_inverse=True)
    return np.stack([pixels[groups == group].mean(axis=0) for group in range(groups.max() + 1)])


def _label(share: np.ndarray, accent: np.ndarray, distance: np.ndarray) -> np.ndarray:
    unlike = (accent > MOSTLY_ACCENT) | (distance > LOOKS_LIKE) | (share <= 0.5)
    ranked = np.where(unlike, np.inf, distance)
    label = np.where(np.isinf(ranked.min(axis=0)), -1, ranked.argmin(axis=0))
    # Single pixels are mixtures of others, such as yellow and grey, which look orange.
    alike = _count_around(label == np.arange(len(COLORS))[:, None, None])
    lonely = np.take_along_axis(alike, np.maximum(label, 0)[None], axis=0)[0] < LEAST_ALIKE
    return np.where(lonely, -1, label)


def _count_around(masks: np.ndarray) -> np.ndarray:
    """Count the pixels of masks [masks, h, w] in the 5 x 5 around each pixel."""
    sums = np.pad(masks.astype(np.int64), ((0, 0), (3, 2), (3, 2))).cumsum(axis=1).cumsum(axis=2)
    return sums[:, 5:, 5:] - sums[:, :-5, 5:] - sums[:, 5:, :-5] + sums[:, :-5, :-5]


def _squares(vectors: np.ndarray) -> np.ndarray:
    return np.einsum("...c,...c->...", vectors, vectors)
