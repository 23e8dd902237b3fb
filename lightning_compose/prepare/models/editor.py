"""The role of who edits images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from PIL.Image import Image


class Editor(ABC):
    """Changes images as they are told to; a subclass overrides `edit` and names itself.

    A complete example, that follows one instruction only::

        class Invert(Editor):
            name = "invert"

            def edit(self, images, instructions, seeds):
                return [ImageOps.invert(each) for each in images]
    """

    name: str
    """What the rows and the dataset card call it."""

    @abstractmethod
    def edit(self, images: Sequence[Image], instructions: Sequence[str], seeds: Sequence[int]) -> list[Image]:
        """Return an edited image each, of its size.

        Args:
            images: RGB, of any size.
            instructions: One an image, such as "change red ring to blue ring".
            seeds: One an image; the same image, instruction and seed give the same result.
        """
