"""A judge who knows nothing of shapes: answers follow from an image's pixels, so that any model has some right."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from lightning_compose.evaluation.judge import Judge


@dataclass
class PixelVerdict:
    answers: tuple[str, ...]
    right: tuple[bool, ...]

    @property
    def correct(self) -> bool:
        return all(self.right)


class PixelJudge(Judge):
    """Question i is answered rightly where the (i + 1)-th pixel is even."""

    def judge(self, images, prompts):
        return [_verdict(image, prompt) for image, prompt in zip(images, prompts, strict=True)]

    def references(self, prompts):
        return [Image.new("RGB", (16, 16), (9 * index % 256, 0, 0)) for index, _ in enumerate(prompts)]


def _verdict(image, prompt):
    values = np.asarray(image).ravel()[1 : 1 + len(prompt.questions)]
    right = tuple(bool(value % 2 == 0) for value in values)
    return PixelVerdict(tuple("yes" if each else "no" for each in right), right)
