"""What the oracle sees in an image, looked at once however often it is asked."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL.Image import Image

from lightning_compose.shapes.oracle.reader import read
from lightning_compose.shapes.oracle.reading import Reading

# Images of a few blocks; more questions about one come soon or never.
REMEMBERED = 512


def look(image: Image) -> Reading:
    """Read a square image of the embedded world, of any size."""
    rgb = image.convert("RGB")
    return _look(rgb.tobytes(), rgb.height, rgb.width)


@lru_cache(maxsize=REMEMBERED)
def _look(pixels: bytes, height_px: int, width_px: int) -> Reading:
    return read(np.frombuffer(pixels, dtype=np.uint8).reshape(height_px, width_px, 3))
