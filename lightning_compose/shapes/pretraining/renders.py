"""Batches of fresh renders, each named by (seed, stream, index).

Shapes: B images of a batch, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lightning_compose.seeding import generator
from lightning_compose.shapes.render import render
from lightning_compose.shapes.sample import random_scene


def render_batch(seed: int, stream: str, first: int, count: int, size_px: int = 64) -> Tensor:
    """Render scenes `first` to `first + count` of a stream.

    Args:
        seed: The run's seed.
        stream: Keeps training and held-out scenes apart.
        first: Index of the first scene.
        count: Images in the batch.
        size_px: Side of the images.

    Returns:
        float32 [b, 3, h, w] in [-1, 1], channels last.
    """
    scenes = (random_scene(generator(seed, stream, index)) for index in range(first, first + count))
    return to_pixels([render(scene, size_px) for scene in scenes])


def to_pixels(images: Sequence[np.ndarray]) -> Tensor:
    """Stack images uint8 [h, w, 3] to float32 [b, 3, h, w] in [-1, 1], channels last."""
    pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)  # a view: already channels last
    return pixels.float() / 127.5 - 1
