"""What images of the embedded world really show: the oracle without faults."""

from __future__ import annotations

from collections.abc import Sequence

from PIL.Image import Image

from lightning_compose.data.schema import Question
from lightning_compose.prepare.models.truth import Truth
from lightning_compose.shapes.oracle.verdict import judge
from lightning_compose.shapes.preparing.looking import look


class OracleTruth(Truth):
    """Say what the oracle says."""

    name = "oracle without faults"

    def shows(self, images: Sequence[Image], questions: Sequence[Sequence[Question]]) -> list[bool]:
        """Return whether each image answers all of its questions rightly."""
        return [judge(look(image), asked).correct for image, asked in zip(images, questions, strict=True)]
