"""Images that show nothing, though they have a scene's colours in its places: an oracle must not see objects there.

Each is made from what a prompt asks for, which is the likeliest to be taken for it. Images are uint8 [h, w, 3].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lightning_compose.shapes.backgrounds import paint_background
from lightning_compose.shapes.oracle.spoilt import to_bytes
from lightning_compose.shapes.palette import COLORS
from lightning_compose.shapes.render import render
from lightning_compose.shapes.scenes import Object, Scene
from lightning_compose.shapes.textures import coverage

SIZE_PX = 64
AVERAGED = 16
WAVES = 4
WAVE_HEIGHT = 0.28  # of the radius

Smear = Callable[[Sequence[Scene], int, np.random.Generator], np.ndarray]


def noise(scenes: Sequence[Scene], index: int, rng: np.random.Generator) -> np.ndarray:
    """Draw each value of each pixel alone, from all levels."""
    return rng.integers(0, 256, size=(SIZE_PX, SIZE_PX, 3), dtype=np.uint8)


def mean(scenes: Sequence[Scene], index: int, rng: np.random.Generator) -> np.ndarray:
    """Average the scene with many others."""
    others = rng.permutation(len(scenes))[: AVERAGED - 1].tolist()
    return to_bytes(np.mean([render(scenes[each]) for each in (index, *others)], axis=0))


def crossfade(scenes: Sequence[Scene], index: int, rng: np.random.Generator) -> np.ndarray:
    """Average the scene with one other."""
    other = (index + 1 + int(rng.integers(len(scenes) - 1))) % len(scenes)
    return to_bytes(np.mean([render(scenes[index]), render(scenes[other])], axis=0))


def background(scenes: Sequence[Scene], index: int, rng: np.random.Generator) -> np.ndarray:
    """Leave the objects out."""
    return to_bytes(paint_background(scenes[index].background, SIZE_PX))


def blobs(scenes: Sequence[Scene], index: int, rng: np.random.Generator) -> np.ndarray:
    """Put a crooked blob of each object's colour in its place."""
    return _cover(scenes[index], lambda item, x, y: _blob(item, x, y, rng))


def clouds(scenes: Sequence[Scene], index: int, rng: np.random.Generator) -> np.ndarray:
    """Put a cloud of each object's colour in its place, that fades from its middle."""
    return _cover(scenes[index], lambda item, x, y: np.exp(-8.0 * (x * x + y * y) / item.size**2))


def ghosts(scenes: Sequence[Scene], index: int, rng: np.random.Generator) -> np.ndarray:
    """Let the background shine through the objects by half."""
    return to_bytes((render(scenes[index]) + paint_background(scenes[index].background, SIZE_PX)) / 2)


SMEARS: dict[str, Smear] = {
    "noise": noise,
    "mean of 16 scenes": mean,
    "crossfade of two scenes": crossfade,
    "background alone": background,
    "crooked blobs": blobs,
    "clouds of colour": clouds,
    "half-transparent objects": ghosts,
}


def _cover(scene: Scene, share: Callable[[Object, np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    pixels = paint_background(scene.background, SIZE_PX).copy()
    centres = (np.arange(SIZE_PX) + 0.5) / SIZE_PX
    for item in scene.objects:
        cover = share(item, centres[None, :] - item.x, centres[:, None] - item.y)[..., None]
        pixels += cover * (np.asarray(COLORS[item.color], dtype=np.float64) - pixels)
    return to_bytes(pixels)


def _blob(item: Object, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    angle = np.arctan2(y, x)
    radius = np.ones_like(angle)
    for wave in range(2, 2 + WAVES):
        radius += WAVE_HEIGHT * rng.uniform(-1, 1) * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
    return coverage((np.sqrt(x * x + y * y) - 0.42 * item.size * radius) * SIZE_PX)
