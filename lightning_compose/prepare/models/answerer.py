"""The role of a judge: who looks at images and answers questions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from PIL.Image import Image

from lightning_compose.data.schema import Question


class Answerer(ABC):
    """Answers questions about images; a subclass overrides `answer` and names itself.

    A complete example, with a model that answers one question about one image::

        class AskModel(Answerer):
            name = "my-model"

            def answer(self, images, questions, keys):
                asked = zip(images, questions, strict=True)
                return [tuple(my_model(image, each.question) for each in about) for image, about in asked]
    """

    name: str
    """What the rows and the dataset card call it."""

    @abstractmethod
    def answer(
        self, images: Sequence[Image], questions: Sequence[Sequence[Question]], keys: Sequence[str]
    ) -> list[tuple[str, ...]]:
        """Return an answer a question, for each image in turn.

        Args:
            images: RGB, of any size.
            questions: Of each image, one at least.
            keys: What names each image in its run, for a judge whose faults are drawn; a model has no use for them.
        """
