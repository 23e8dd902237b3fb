"""Which paint each pixel shows: the background's colours, or one of the objects', mixed with its accent.

An object's pixel lies on the line from its colour to its accent, one on its edge on a line from there to the
background. Distances are Euclidean in RGB of 255, where mixing is linear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lightning_compose.shapes.oracle.backdrop import lengths
from lightning_compose.shapes.palette import ACCENTS, COLORS

SLACK = 6.0  # distance that means nothing: noise, and colours slightly off
FOREIGN = 70.0  # distance at which a pixel is likelier something else
ACCENT_PRIOR = 0.1  # of a mixture with the accent, to one with the background: snow is nearly blue mixed with cream
LOOKS_LIKE = 75.0  # most distance of a pixel from the colour that it is taken for
MOSTLY_ACCENT = 0.6
LEAST_ALIKE = 5  # pixels of a colour within 5 x 5


@dataclass(frozen=True, slots=True)
class Paints:
    """What each pixel may be painted with; the colours come in the order of `COLORS`.

    Args:
        foreign: Distance of each pixel from all of the background's colours, float [h, w].
        share: Of the pixel that each colour (with its accent) covers, float [colors, h, w] in [0, 1].
        accent: Place between each colour, 0, and its accent, 1, float [colors, h, w].
        distance: From the mixtures of each colour with its accent or with the background, float [colors, h, w].
        accent_likelier: By how much the squared distance from the mixtures with the accent is less than from those
            with the background, float [colors, h, w].
        label: Index of the colour that a pixel shows, -1 = none for certain, int [h, w].
    """

    foreign: np.ndarray
    share: np.ndarray
    accent: np.ndarray
    distance: np.ndarray
    accent_likelier: np.ndarray
    label: np.ndarray


def find_paints(image: np.ndarray, tones: np.ndarray) -> Paints:
    """Tell the paints of an image.

    Args:
        image: float [h, w, 3] in [0, 255].
        tones: The background's colours, [tones, 3].
    """
    accents = np.asarray(list(ACCENTS.values()), dtype=np.float64)[:, None]
    accent, inside = _mixtures(image, accents)
    faded, outside = _mixtures(image, np.tile(tones, (len(COLORS), 1, 1)))
    body, edge, neither = (1.0 / (each**2 + SLACK**2) ** 2 for each in (inside, outside, np.float32(FOREIGN)))
    share = (ACCENT_PRIOR * body + edge * (1.0 - faded)) / (ACCENT_PRIOR * body + edge + neither)
    distance = np.minimum(inside, outside)
    foreign = lengths(image[..., None, :] - tones).min(axis=-1)
    label = _label(share, accent, distance)
    return Paints(foreign, share, accent, distance, outside**2 - inside**2, label)


def _mixtures(image: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mix each colour with whichever of its ends [colors, ends, 3] brings it nearest to a pixel.

    Returns:
        The end's share of the mixture in [0, 1], and its distance from the pixel, both [colors, h, w].
    """
    colors = np.asarray(list(COLORS.values()), dtype=np.float32)
    pixels = image.reshape(-1, 3).astype(np.float32)
    lines = (ends - colors[:, None]).astype(np.float32)
    squares = (lines**2).sum(axis=-1)[..., None]
    along = lines @ pixels.T - np.einsum("kec,kc->ke", lines, colors)[..., None]
    share = np.clip(along / squares, 0.0, 1.0)
    gained = share * (2 * along - share * squares)
    best = gained.argmax(axis=1)[:, None]
    share, gained = (np.take_along_axis(each, best, axis=1)[:, 0] for each in (share, gained))
    unmixed = (pixels**2).sum(axis=-1) - 2 * colors @ pixels.T + (colors**2).sum(axis=-1)[:, None]
    shape = (len(colors), *image.shape[:2])
    return share.reshape(shape), np.sqrt(np.maximum(unmixed - gained, 0.0)).reshape(shape)


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
