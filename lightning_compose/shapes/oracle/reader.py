"""From pixels to what they show, by analysis and synthesis.

Pixels are told apart by their paint, those of one colour that touch are one part, and a part is an object if one of the
silhouettes explains it: what explains it badly is a smear, and no object.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from lightning_compose.shapes.oracle.backdrop import find_backdrop
from lightning_compose.shapes.oracle.candidate import Candidate, find_candidate, paint, settled
from lightning_compose.shapes.oracle.noise import calmed
from lightning_compose.shapes.oracle.paints import find_paints
from lightning_compose.shapes.oracle.reading import Reading, Seen
from lightning_compose.shapes.oracle.stacking import stacked
from lightning_compose.shapes.oracle.target import LEAST_PX, find_targets
from lightning_compose.shapes.oracle.two_colored import single_colored
from lightning_compose.shapes.scenes import MAX_SIZE, MIN_SIZE, Object

SIZE_PX = 64


def read(image: np.ndarray) -> Reading:
    """Read an image of the embedded world.

    Args:
        image: uint8 [h, w, 3], h = w; one that is not 64 px a side is scaled.

    Raises:
        ValueError: When it is no such image.
    """
    pixels = calmed(_scaled(image))
    backdrop = find_backdrop(pixels)
    paints = find_paints(pixels, backdrop.tones)
    canvas = backdrop.picture.copy()
    done = np.zeros(paints.label.shape, dtype=np.bool_)
    found: list[Candidate] = []
    for target in find_targets(paints):
        is_new = (target.core & ~done).sum() >= LEAST_PX
        candidate = find_candidate(pixels, canvas, paints, target) if is_new else None
        if candidate is not None:
            found.append(candidate)
            paint(canvas, candidate)
            done |= settled(paints, candidate)
    return Reading(backdrop.kind, tuple(_seen(each) for each in single_colored(paints, stacked(paints, found))))


def _scaled(image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.shape[0] != image.shape[1]:
        raise ValueError(
            f"Expected a square image, uint8 [h, w, 3], got {image.dtype} {list(image.shape)}. Crop or convert it."
        )
    if len(image) != SIZE_PX:
        image = np.asarray(Image.fromarray(image).resize((SIZE_PX, SIZE_PX), Image.Resampling.LANCZOS))
    return image.astype(np.float64)


def _seen(found: Candidate) -> Seen:
    fit = found.fit
    size = min(max(2 * fit.half / SIZE_PX, MIN_SIZE), MAX_SIZE)
    item = Object(fit.shape, found.color, found.texture, fit.x / SIZE_PX, fit.y / SIZE_PX, size)
    return Seen(item, found.explained)
