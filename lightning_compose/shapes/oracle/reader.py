"""From pixels to what they show."""

from __future__ import annotations

import numpy as np

from lightning_compose.shapes.backgrounds import paint_background
from lightning_compose.shapes.oracle.reading import Reading
from lightning_compose.shapes.palette import BACKGROUNDS
from lightning_compose.shapes.scenes import VARIANTS, Background


def read(image: np.ndarray) -> Reading:
    """Read an image of the embedded world.

    Args:
        image: uint8 [h, w, 3], square.
    """
    kinds = [Background(kind, variant) for kind in BACKGROUNDS for variant in range(VARIANTS)]
    best = min(kinds, key=lambda each: np.minimum(np.abs(image - paint_background(each, len(image))), 60).mean())
    return Reading(best.kind, ())
