"""The role of who corrects captions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from PIL.Image import Image

from lightning_compose.data.schema import Question


class Captioner(ABC):
    """Corrects captions to what images show; a subclass overrides `correct` and names itself.

    A complete example, with a model that takes an image and an instruction::

        class AskModel(Captioner):
            name = "my-model"

            def correct(self, images, captions, wrong):
                return [my_model(image, f"Correct the caption: {text}") for image, text in zip(images, captions)]
    """

    name: str
    """What the rows and the dataset card call it."""

    @abstractmethod
    def correct(
        self, images: Sequence[Image], captions: Sequence[str], wrong: Sequence[Sequence[Question]]
    ) -> list[str]:
        """Return a caption an image that keeps what is right in the old one.

        Args:
            images: RGB, of any size.
            captions: One an image, which is wrong about it.
            wrong: The questions about each caption that its image does not answer as the caption does.
        """
