"""Images that an oracle must read although they are worse than renders: blurred or noisy ones.

Shapes: images are uint8 [h, w, 3].
"""

from __future__ import annotations

import numpy as np


def blurred(image: np.ndarray, deviation_px: float) -> np.ndarray:
    """Blur with a Gaussian; what lies beyond the border is the border's."""
    offsets = np.arange(-4, 5)
    kernel = np.exp(-0.5 * (offsets / deviation_px) ** 2)
    kernel /= kernel.sum()
    pixels = image.astype(np.float64)
    for axis in (0, 1):
        pad = [(4, 4) if each == axis else (0, 0) for each in range(3)]
        padded = np.pad(pixels, pad, mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis=axis)
        pixels = windows @ kernel
    return to_bytes(pixels)


def noisy(image: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Add independent Gaussian noise, `deviation` in levels of 255."""
    return to_bytes(image + deviation * rng.standard_normal(image.shape))


def to_bytes(pixels: np.ndarray) -> np.ndarray:
    """Round and clip to uint8."""
    return np.clip(np.round(pixels), 0, 255).astype(np.uint8)
