"""The role of who finds where an image shows what a phrase names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL.Image import Image

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Where an image shows what a phrase names.

    Args:
        mask: Of all boxes together, bool [h, w], at the image's size.
        boxes: Left, top, right and bottom in pixels; one at least.
        scores: One a box, the higher the surer.
    """

    mask: np.ndarray
    boxes: tuple[Box, ...]
    scores: tuple[float, ...]

    @classmethod
    def union(cls, masks: np.ndarray, boxes: Sequence[Box], scores: Sequence[float]) -> Found | None:
        """Unite the finds of a phrase; None where there are none.

        Args:
            masks: Bool [boxes, h, w].
            boxes: See `Found`.
            scores: See `Found`.
        """
        return cls(np.any(masks, axis=0), tuple(boxes), tuple(scores)) if boxes else None


class Segmenter(ABC):
    """Finds phrases in images; a subclass overrides `segment` and names itself.

    A complete example, that finds everything everywhere::

        class Everywhere(Segmenter):
            name = "everywhere"

            def segment(self, images, phrases):
                return [tuple(self._all(image) for _ in named) for image, named in zip(images, phrases, strict=True)]

            def _all(self, image):
                return Found(np.ones((image.height, image.width), bool), ((0, 0, *map(float, image.size)),), (1.0,))
    """

    name: str
    """What the rows and the dataset card call it."""

    @abstractmethod
    def segment(self, images: Sequence[Image], phrases: Sequence[Sequence[str]]) -> list[tuple[Found | None, ...]]:
        """Return what is found of each phrase, for each image in turn; None = nothing.

        Args:
            images: RGB, of any size.
            phrases: Of each image, each once and in lower case; there may be none.
        """
