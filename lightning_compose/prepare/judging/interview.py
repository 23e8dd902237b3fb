"""Asking images their questions, those that make no sense left out."""

from __future__ import annotations

from collections.abc import Sequence

from PIL.Image import Image

from lightning_compose.data.schema import Question
from lightning_compose.prepare.judging.alignment import UNASKED, askable
from lightning_compose.prepare.models.answerer import Answerer


def interview(
    answerer: Answerer, images: Sequence[Image], questions: Sequence[Sequence[Question]], keys: Sequence[str]
) -> list[tuple[str, ...]]:
    """Return the answers of each image, `UNASKED` where a question's parents were not all answered rightly.

    Questions whose parents are settled go to the model together, for all images.

    Args:
        answerer: Who looks at the images.
        images: As many as there are sequences of questions.
        questions: Of each image, in the order of the answers.
        keys: Of each image; see `Answerer.answer`.
    """
    given: list[dict[int, str]] = [{} for _ in images]
    while True:
        wave = {index: ready for index, each in enumerate(questions) if (ready := askable(each, given[index]))}
        if not wave:
            break
        looked_at = [images[index] for index in wave]
        replies = answerer.answer(looked_at, list(wave.values()), [keys[index] for index in wave])
        for (index, asked), answers in zip(wave.items(), replies, strict=True):
            given[index] |= {each.id: answer for each, answer in zip(asked, answers, strict=True)}
    return [
        tuple(answers.get(each.id, UNASKED) for each in asked) for asked, answers in zip(questions, given, strict=True)
    ]
