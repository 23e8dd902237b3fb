"""Who draws images of prompts."""

from __future__ import annotations

from collections.abc import Sequence

from PIL.Image import Image


class Painter:
    """Draws prompts; a subclass overrides `paint` and sets `name`.

    A complete example, with colors for images::

        from PIL import Image

        class PlainPainter(Painter):
            name = "plain"

            def __init__(self, size_px=64):
                self.size_px = size_px

            def paint(self, prompts, seeds):
                return [Image.new("RGB", (self.size_px, self.size_px), (seed % 256, 0, 0)) for seed in seeds]

    Attributes:
        name: What the rows and the dataset card call it, such as a hub id.
    """

    name: str

    def paint(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image]:
        """Return an RGB image a prompt, all of one size.

        Args:
            prompts: What is drawn.
            seeds: One a prompt, in [0, 2**32). An image depends on its own prompt and seed alone.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `paint(prompts, seeds)`.")
