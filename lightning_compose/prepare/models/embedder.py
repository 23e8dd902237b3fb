"""The role of who says how alike images are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from PIL.Image import Image


class Embedder(ABC):
    """Turns images into unit vectors whose products are similarities; a subclass overrides `embed` and names itself.

    A complete example, in which like means of like colour::

        class MeanColour(Embedder):
            name = "mean-colour"

            def embed(self, images):
                means = np.stack([np.asarray(each).mean((0, 1)) + 1 for each in images])
                return means / np.linalg.norm(means, axis=1, keepdims=True)
    """

    name: str
    """What the rows and the dataset card call it."""

    @abstractmethod
    def embed(self, images: Sequence[Image]) -> np.ndarray:
        """Return vectors of length 1, float32 [b, d].

        Args:
            images: RGB, of any size.
        """
