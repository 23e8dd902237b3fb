"""A vision-language model behind an OpenAI-compatible server, as judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from PIL.Image import Image
from pydantic import BaseModel, Field, create_model

from lightning_compose.data.schema import Question
from lightning_compose.prepare.models.answerer import Answerer
from lightning_compose.prepare.models.endpoint_model import EndpointModel
from lightning_compose.prepare.models.picture_message import picture_message

INSTRUCTIONS = (
    "Answer each question about the image from what it shows, in the order of the questions: "
    '"yes" or "no", or a number in digits where a number is asked for.'
)


class EndpointAnswerer(EndpointModel, Answerer):
    """Have a vision-language model answer: one call an image, all its questions in it; see `EndpointModel`."""

    def answer(
        self, images: Sequence[Image], questions: Sequence[Sequence[Question]], keys: Sequence[str]
    ) -> list[tuple[str, ...]]:
        """Return an answer a question, for each image in turn."""
        return [self._answer(image, asked) for image, asked in zip(images, questions, strict=True)]

    def _answer(self, image: Image, questions: Sequence[Question]) -> tuple[str, ...]:
        numbered = "\n".join(f"{number}. {each.question}" for number, each in enumerate(questions, start=1))
        messages = [{"role": "system", "content": INSTRUCTIONS}, picture_message(image, numbered)]
        reply: Any = self._endpoint.parse(messages, _answers(len(questions)), self._seed)
        return tuple(reply.answers)


def _answers(count: int) -> type[BaseModel]:
    """Return the schema of so many answers: fewer or more are malformed, and asked for again."""
    return create_model("Answers", answers=Annotated[list[str], Field(min_length=count, max_length=count)])
