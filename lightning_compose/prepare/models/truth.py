"""The role of who knows what images really show."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from PIL.Image import Image

from lightning_compose.data.schema import Question


class Truth(ABC):
    """Knows what images show, for a report of what a judge's errors cost; a subclass overrides `shows`.

    A complete example, of people's verdicts that are known by the image's bytes::

        class Verdicts(Truth):
            name = "three annotators"

            def shows(self, images, questions):
                return [VERDICTS[image.tobytes()] for image in images]
    """

    name: str
    """What the report calls it."""

    @abstractmethod
    def shows(self, images: Sequence[Image], questions: Sequence[Sequence[Question]]) -> list[bool]:
        """Return whether each image shows all that its questions ask about.

        Args:
            images: RGB, of any size.
            questions: Of each image, one at least.
        """
