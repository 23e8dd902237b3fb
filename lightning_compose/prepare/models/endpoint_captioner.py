"""A vision-language model behind an OpenAI-compatible server, that corrects captions."""

from __future__ import annotations

from collections.abc import Sequence

from PIL.Image import Image
from pydantic import BaseModel, Field

from lightning_compose.data.schema import MAX_CAPTION_LENGTH, Question
from lightning_compose.prepare.models.captioner import Captioner
from lightning_compose.prepare.models.endpoint_model import EndpointModel
from lightning_compose.prepare.models.picture_message import picture_message

INSTRUCTIONS = (
    "A caption is wrong about an image. Write the caption that is right. Keep the original description, its words and "
    "its form, and change only what the image contradicts. Add nothing that the caption did not speak of."
)


class Correction(BaseModel):
    """A corrected caption as the model writes it."""

    caption: str = Field(min_length=1, max_length=MAX_CAPTION_LENGTH, pattern=r"\S")


class EndpointCaptioner(EndpointModel, Captioner):
    """Have a vision-language model correct captions; see `EndpointModel`."""

    def correct(
        self, images: Sequence[Image], captions: Sequence[str], wrong: Sequence[Sequence[Question]]
    ) -> list[str]:
        """Return a caption an image."""
        return [self._correct(*each) for each in zip(images, captions, wrong, strict=True)]

    def _correct(self, image: Image, caption: str, wrong: Sequence[Question]) -> str:
        doubts = "\n".join(f"- {each.question} It says: {each.answer}." for each in wrong)
        text = f"Caption: {caption}\nWhat it seems to get wrong:\n{doubts}"
        messages = [{"role": "system", "content": INSTRUCTIONS}, picture_message(image, text)]
        return self._endpoint.parse(messages, Correction, self._seed).caption.strip()
