"""From pixels to what they show, by analysis and synthesis.

Pixels are told apart by their paint, those of one colour that touch are one part, and a part is an object if one of the
silhouettes explains it: what explains it badly is a smear, and no object.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from lightning_compose.shapes.oracle.connected import connected_parts
from lightning_compose.shapes.oracle.fit import Fit, Target, best_fits, draw
from lightning_compose.shapes.oracle.noise import calmed
from lightning_compose.shapes.oracle.paints import Paints, find_paints
from lightning_compose.shapes.oracle.reading import Reading, Seen
from lightning_compose.shapes.oracle.synthesis import View, _draw, explained
from lightning_compose.shapes.oracle.texture import find_texture
from lightning_compose.shapes.palette import COLORS
from lightning_compose.shapes.scenes import MAX_SIZE, MIN_SIZE, Object

SIZE_PX = 64
LEAST_PART_PX = 16
HIDDEN_WEIGHT = 0.1
MARGIN_PX = 4
LEAST_EXPLAINED = 0.68
LEAST_MARGIN = 0.06
LEAST_VISIBLE = 0.5
OPEN = 0.8


def read(image: np.ndarray) -> Reading:
    """Read an image of the embedded world.

    Args:
        image: uint8 [h, w, 3], h = w; scaled to 64 px a side.
    """
    pixels = calmed(_scaled(image))
    paints = find_paints(pixels)
    found = []
    canvas = paints.picture.copy()
    done = np.zeros(paints.label.shape, dtype=np.bool_)
    for color, part in _parts(paints):
        if (part & ~done & (paints.label == color)).sum() < LEAST_PART_PX:
            continue
        target = _target(paints, color, part)
        best = _best(pixels, canvas, paints, color, target)
        if best is not None:
            found.append(best)
            _paint(canvas, best)
            done |= _done(paints, color, target, best.fit)
    return Reading(paints.background, tuple(_seen(paints, each) for each in _stacked(paints, found)))


@dataclass(frozen=True, slots=True)
class _Found:
    color: int
    texture: str
    fit: Fit
    target: Target
    score: float


def _scaled(image: np.ndarray) -> np.ndarray:
    if image.shape[0] != SIZE_PX:
        image = np.asarray(Image.fromarray(image).resize((SIZE_PX, SIZE_PX), Image.Resampling.BOX))
    return image.astype(np.float64)


def _parts(paints: Paints) -> list[tuple[int, np.ndarray]]:
    """Return the parts of each colour, accents included, the largest first."""
    parts = []
    for color in range(len(COLORS)):
        core = paints.label == color
        if core.sum() < LEAST_PART_PX:
            continue
        accents = (paints.label == -1) & (paints.share[color] > 0.5)
        parts += [(color, part) for part in connected_parts(core | accents)]
    return sorted(parts, key=lambda each: -int((each[1] & (paints.label == each[0])).sum()))


def _target(paints: Paints, color: int, part: np.ndarray) -> Target:
    core = part & (paints.label == color)
    rows, columns = np.nonzero(core.any(axis=1))[0], np.nonzero(core.any(axis=0))[0]
    box = (float(columns[0]), float(columns[-1] + 1), float(rows[0]), float(rows[-1] + 1))
    margin = MARGIN_PX + int(max(box[1] - box[0], box[3] - box[2]) / 4)
    left, right = max(columns[0] - margin, 0), min(columns[-1] + 1 + margin, SIZE_PX)
    top, bottom = max(rows[0] - margin, 0), min(rows[-1] + 1 + margin, SIZE_PX)
    window = (slice(top, bottom), slice(left, right))
    other = (paints.label != -1) & ~core
    share = np.where(other, 0.0, paints.share[color])
    share = _settled(share[window], paints.accent_likelier[color][window], other[window])
    return Target(share, np.where(other, HIDDEN_WEIGHT, 1.0)[window], box, (int(left), int(top)))


def _settled(share: np.ndarray, accent_likelier: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Decide for whole patches what single pixels leave open: whether they are accent, or background."""
    settled = share.copy()
    for patch in connected_parts((share < OPEN) & ~other, corners=False):
        if accent_likelier[patch].mean() > 0:
            settled[patch] = 1.0
    return settled


def _done(paints: Paints, color: int, target: Target, fit: Fit) -> np.ndarray:
    """Return the pixels that need no other object: those of this one, and its edge, whose mixtures look like others."""
    touched = np.zeros(paints.label.shape, dtype=np.bool_)
    grown = draw(target, fit.shape, np.asarray([[fit.x, fit.y, fit.half]]), 4.0)[0]
    left, top = target.corner
    window = (slice(top, top + grown.shape[0]), slice(left, left + grown.shape[1]))
    own = (paints.label[window] == color) | (paints.label[window] == -1)
    touched[window] = (grown > 0) & (own | (grown < 1))
    return touched


def _stacked(paints: Paints, found: list[_Found]) -> list[_Found]:
    """Order objects from the lowest to the one on top."""
    covers = [_footprint_core(each) for each in found]
    above = [0] * len(found)
    for i in range(len(found)):
        for j in range(i):
            both = covers[i] & covers[j]
            if both.any():
                i_wins = paints.distance[found[i].color][both].mean() < paints.distance[found[j].color][both].mean()
                above[i if i_wins else j] += 1
    return [found[i] for i in sorted(range(len(found)), key=lambda i: above[i])]


def _footprint_core(each: _Found) -> np.ndarray:
    core = np.zeros((SIZE_PX, SIZE_PX), dtype=np.bool_)
    fit = each.fit
    drawn = draw(each.target, fit.shape, np.asarray([[fit.x, fit.y, fit.half]]))[0]
    left, top = each.target.corner
    core[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn > 0.9
    return core


def _seen(paints: Paints, found: _Found) -> Seen:
    fit = found.fit
    size = float(np.clip(2 * fit.half / SIZE_PX, MIN_SIZE, MAX_SIZE))
    item = Object(fit.shape, tuple(COLORS)[found.color], found.texture, fit.x / SIZE_PX, fit.y / SIZE_PX, size)
    return Seen(item, found.score)


def _best(pixels: np.ndarray, canvas: np.ndarray, paints: Paints, color: int, target: Target) -> _Found | None:
    left, top = target.corner
    height, width = target.share.shape
    window = (slice(top, top + height), slice(left, left + width))
    x_px, y_px = np.arange(left, left + width) + 0.5, np.arange(top, top + height) + 0.5
    view = View(
        pixels[window],
        canvas[window],
        np.minimum(paints.foreign[window], np.sqrt(((pixels - canvas)[window] ** 2).sum(axis=-1))),
        target.weight,
        x_px,
        y_px,
    )
    found = []
    for fit in best_fits(target):
        drawn = draw(target, fit.shape, np.asarray([[fit.x, fit.y, fit.half]]))[0]
        visible = target.weight == 1.0
        if drawn[visible].sum() < LEAST_VISIBLE * drawn.sum():
            continue
        weight = drawn * visible * target.share
        texture = find_texture(paints.accent[color][window], weight, fit.shape, x_px - fit.x, y_px - fit.y, fit.half)
        score = explained(view, fit.shape, tuple(COLORS)[color], texture, (fit.x, fit.y, fit.half))
        found.append(_Found(color, texture, fit, target, score))
    ranked = sorted(found, key=lambda each: -each.score)
    if not ranked or ranked[0].score < LEAST_EXPLAINED:
        return None
    if len(ranked) > 1 and ranked[0].score < ranked[1].score + LEAST_MARGIN:
        return None
    return ranked[0]


def _paint(canvas: np.ndarray, best: _Found) -> None:
    left, top = best.target.corner
    height, width = best.target.share.shape
    window = (slice(top, top + height), slice(left, left + width))
    x_px, y_px = np.arange(left, left + width) + 0.5, np.arange(top, top + height) + 0.5
    view = View(canvas[window], canvas[window], canvas[window], best.target.weight, x_px, y_px)
    share, paint = _draw(
        view, best.fit.shape, tuple(COLORS)[best.color], best.texture, (best.fit.x, best.fit.y, best.fit.half)
    )
    canvas[window] += share[..., None] * (paint - canvas[window])
