"""Who looks at images and answers the questions of their prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from PIL import Image

from lightning_compose.evaluation.prompts import BenchmarkPrompt


class Verdict(Protocol):
    """What an image answers, a question each, and which of the answers are right."""

    @property
    def answers(self) -> tuple[str, ...]:
        """As the questions' own answers are written."""

    @property
    def right(self) -> tuple[bool, ...]:
        """A question counts as right only where those it depends on are."""

    @property
    def correct(self) -> bool:
        """Whether all are right."""


class Judge:
    """Answers questions about images; a subclass overrides `judge`, and `references` where it has real images.

    A complete example, with a model that answers a question about an image::

        @dataclass
        class Answers:
            answers: tuple[str, ...]
            right: tuple[bool, ...]

            @property
            def correct(self):
                return all(self.right)

        class AskModel(Judge):
            def judge(self, images, prompts):
                return [self.verdict(image, prompt.questions) for image, prompt in zip(images, prompts)]

            def verdict(self, image, questions):
                answers = tuple(my_model(image, each.question) for each in questions)
                return Answers(answers, tuple(a == each.answer for a, each in zip(answers, questions)))
    """

    def judge(self, images: Sequence[Image.Image], prompts: Sequence[BenchmarkPrompt]) -> Sequence[Verdict]:
        """Return a verdict an image.

        Args:
            images: One a prompt, of any size.
            prompts: With the questions to answer.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `judge(images, prompts)`.")

    def references(self, prompts: Sequence[BenchmarkPrompt]) -> Sequence[Image.Image]:
        """Return a real image a prompt, of the same kind but not of this prompt, for KID; none = no KID.

        Args:
            prompts: Held-out ones, in the order of the benchmark: the same images come for the same prompts.
        """
        return []
