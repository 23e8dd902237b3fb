"""The role of who says how well image and text go together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from PIL.Image import Image


class Scorer(ABC):
    """Scores images against texts; a subclass overrides `score` and names itself.

    A complete example::

        class Brightness(Scorer):
            name = "brightness"

            def score(self, images, texts):
                return [float(np.asarray(each).mean()) for each in images]
    """

    name: str
    """What the rows and the dataset card call it."""

    @abstractmethod
    def score(self, images: Sequence[Image], texts: Sequence[str]) -> list[float]:
        """Return a finite score a pair; more is better.

        Args:
            images: RGB, of any size.
            texts: One an image.
        """
