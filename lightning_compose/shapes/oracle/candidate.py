"""An object that may explain a part of an image: accepted only if it does so well, and far better than other shapes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lightning_compose.shapes.oracle.backdrop import lengths
from lightning_compose.shapes.oracle.fit import Fit, best_fits, draw
from lightning_compose.shapes.oracle.flaws import marred_share, straightness
from lightning_compose.shapes.oracle.paints import Paints
from lightning_compose.shapes.oracle.synthesis import View, explained, stamp
from lightning_compose.shapes.oracle.target import Target
from lightning_compose.shapes.oracle.texture import find_texture
from lightning_compose.shapes.palette import COLORS, PLAIN

LEAST_STRAIGHT, LEAST_STRAIGHT_TEXTURED = 0.86, 0.75  # see `straightness`; a pattern drawn slightly off costs more
LEAST_MARGIN = 0.02  # between the best shape and the next: a blob is a little of everything
MARGIN_WORTH = 2.0
LEAST_WORTH = 0.98  # of straightness and margin: a bent star is a star, if it is nothing else
MOST_MARRED = 0.03  # share of a plain object: a circle with a small hole is none
MOST_TINTED = 30.0  # levels of 255: a colour farther off is another
MOST_FADED = 10.0  # towards what is behind it
BARE = 0.2  # share of the accent in a pixel that shows the colour
LEAST_VISIBLE = 0.5  # share of the object that no other may hide
MOSTLY = 0.9  # of a pixel: the object's own, not its edge
EDGE_PX = 4.0  # where colours mix, and may look like a third one


@dataclass(frozen=True, slots=True)
class Candidate:
    """An object.

    Args:
        fit: Its outline.
        color: One of `COLORS`.
        texture: One of `TEXTURES`.
        tint: By how much its colour is off, [3].
        explained: See `synthesis.explained`.
        marred: See `flaws.marred_share`; 0 for a texture, whose accents may lie elsewhere.
        target: What it was seen by.
    """

    fit: Fit
    color: str
    texture: str
    tint: np.ndarray
    explained: float
    marred: float
    target: Target

    def cover(self, soft_px: float = 1.0) -> np.ndarray:
        """Return the share of each pixel of the target's window that the object covers, [h, w]."""
        place = np.asarray([[self.fit.x, self.fit.y, self.fit.half]])
        return draw(self.target, self.fit.shape, place, soft_px)[0]

    def covered(self, image: tuple[int, ...], least: float = MOSTLY, soft_px: float = 1.0) -> np.ndarray:
        """Return the pixels of an image [h, w] of which the object covers more than a share, bool [h, w]."""
        pixels = np.zeros(image, dtype=np.bool_)
        pixels[self.target.window] = self.cover(soft_px) > least
        return pixels


def find_candidate(pixels: np.ndarray, canvas: np.ndarray, paints: Paints, target: Target) -> Candidate | None:
    """Return the object that explains a target, or None.

    Args:
        pixels: The image, float [h, w, 3].
        canvas: What was understood of it so far: the background, and objects found, float [h, w, 3].
        paints: Of the image.
        target: The part to explain.
    """
    view = _view(pixels, canvas, paints, target)
    tint = _tint(pixels, canvas, paints, target)
    found = [_candidate(view, paints, target, fit, tint) for fit in best_fits(target)]
    ranked = sorted((each for each in found if _is_seen(each)), key=lambda each: -each.explained)
    return ranked[0] if ranked and _is_clear(*ranked[:2]) else None


def paint(canvas: np.ndarray, found: Candidate) -> None:
    """Draw a found object into the canvas, float [h, w, 3]."""
    target = found.target
    behind = canvas[target.window]
    view = View(behind, behind, target.weight, target.weight, target.x_px, target.y_px)
    canvas[target.window] += stamp(view, found.fit, found.color, found.texture, found.tint)


def settled(paints: Paints, found: Candidate) -> np.ndarray:
    """Return the pixels that need no other object: the found one's own, and its edge; bool [h, w]."""
    done = np.zeros(paints.label.shape, dtype=np.bool_)
    label = paints.label[found.target.window]
    cover = found.cover(EDGE_PX)
    own = (label == found.target.color) | (label == -1)
    done[found.target.window] = (cover > 0) & (own | (cover < 1))
    return done


def _view(pixels: np.ndarray, canvas: np.ndarray, paints: Paints, target: Target) -> View:
    seen, behind = pixels[target.window], canvas[target.window]
    foreign = np.minimum(paints.foreign[target.window], lengths(seen - behind))
    return View(seen, behind, foreign, target.weight, target.x_px, target.y_px)


def _candidate(view: View, paints: Paints, target: Target, fit: Fit, tint: np.ndarray) -> Candidate:
    cover = draw(target, fit.shape, np.asarray([[fit.x, fit.y, fit.half]]))[0]
    accent = paints.accent[(target.color, *target.window)]
    weight = cover * target.visible * target.share
    color = tuple(COLORS)[target.color]
    texture = find_texture(accent, weight, fit, target.x_px, target.y_px)
    stamped = stamp(view, fit, color, texture, tint)
    marred = marred_share(view, fit, stamped) if texture == PLAIN else 0.0
    return Candidate(fit, color, texture, tint, explained(view, stamped), marred, target)


def _tint(pixels: np.ndarray, canvas: np.ndarray, paints: Paints, target: Target) -> np.ndarray:
    """Return by how much the target's colour is off, within limits, [3]; a faded one is not excused."""
    bare = target.core & (paints.accent[target.color] < BARE)
    if not bare.any():
        return np.zeros(3)
    color = np.asarray(list(COLORS.values())[target.color])
    tint = np.median(pixels[bare], axis=0) - color
    tint -= _too_faded(tint, np.median(canvas[bare], axis=0) - color)
    return tint * min(1.0, MOST_TINTED / (np.linalg.norm(tint) + 1e-6))


def _too_faded(tint: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """Return the part of a tint [3] that lies farther towards what is behind, seen from the colour, than is allowed."""
    distance = float(np.linalg.norm(behind))
    if distance == 0.0:  # the same colour lies behind: towards it there is no way
        return np.zeros(3)
    fade = behind / distance
    return max(float(tint @ fade) - MOST_FADED, 0.0) * fade


def _is_clear(best: Candidate, rival: Candidate | None = None) -> bool:
    """Whether the shape that explains most is it, and not the next one or none."""
    straight = straightness(best.explained, best.fit.shape)
    margin = best.explained - rival.explained if rival else 1.0
    least = LEAST_STRAIGHT if best.texture == PLAIN else LEAST_STRAIGHT_TEXTURED
    return straight >= least and margin >= LEAST_MARGIN and straight + MARGIN_WORTH * margin >= LEAST_WORTH


def _is_seen(candidate: Candidate) -> bool:
    """Whether enough of a candidate is there, whether it is the best or not."""
    cover = candidate.cover()
    visible = float(cover[candidate.target.visible].sum())
    return candidate.marred <= MOST_MARRED and visible >= LEAST_VISIBLE * float(cover.sum())
