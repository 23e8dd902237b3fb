"""Where an image of the embedded world shows what a noun names, by the oracle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL.Image import Image

from lightning_compose.prepare.models.segmenter import Box, Found, Segmenter
from lightning_compose.shapes.oracle.reading import Reading
from lightning_compose.shapes.preparing.looking import look
from lightning_compose.shapes.preparing.understanding import WORDS
from lightning_compose.shapes.render import signed_distance
from lightning_compose.shapes.scenes import Object


class OracleSegmenter(Segmenter):
    """Find shapes, by their names in the singular or plural, and backgrounds.

    The mask of a shape is what is not hidden of its objects, that of a background all that no object hides.
    """

    name = "oracle"

    def segment(self, images: Sequence[Image], phrases: Sequence[Sequence[str]]) -> list[tuple[Found | None, ...]]:
        """Return what is found of each phrase, for each image in turn."""
        return [_find(image, named) for image, named in zip(images, phrases, strict=True)]


def visible(items: Sequence[Object], height_px: int, width_px: int) -> np.ndarray:
    """Return the visible part of each object, the last one on top, bool [objects, h, w]."""
    x, y = (np.arange(width_px) + 0.5) / width_px, (np.arange(height_px) + 0.5) / height_px
    masks = np.zeros((len(items), height_px, width_px), dtype=np.bool_)
    for index, item in enumerate(items):
        inside = signed_distance(item, x[None, :], y[:, None]) <= 0
        masks &= ~inside
        masks[index] = inside
    return masks


def _find(image: Image, phrases: Sequence[str]) -> tuple[Found | None, ...]:
    reading = look(image)
    masks = visible(reading.items, image.height, image.width)
    return tuple(_found(reading, masks, phrase) for phrase in phrases)


def _found(reading: Reading, masks: np.ndarray, phrase: str) -> Found | None:
    kind, named = WORDS.get(phrase, ("", ""))
    if kind == "background" and named == reading.background:
        behind = ~np.any(masks, axis=0)
        # The oracle says which background fits best, and not how well.
        return Found(behind, (_box(behind),), (1.0,)) if behind.any() else None
    shown = [
        index
        for index, seen in enumerate(reading.objects)
        if kind == "noun" and seen.item.shape == named and masks[index].any()
    ]
    scores = [reading.objects[index].explained for index in shown]
    return Found.union(masks[shown], [_box(masks[index]) for index in shown], scores)


def _box(mask: np.ndarray) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
