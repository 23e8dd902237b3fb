"""The embedded world's judge: its oracle's verdicts, and renders as real images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from lightning_compose.evaluation.judge import Judge
from lightning_compose.evaluation.prompts import BenchmarkPrompt
from lightning_compose.shapes.benchmark import REFERENCE_SEED, pairs_of
from lightning_compose.shapes.oracle.reader import read
from lightning_compose.shapes.oracle.verdict import Verdict, judge
from lightning_compose.shapes.pairs import Pair
from lightning_compose.shapes.render import render


class ShapesJudge(Judge):
    """Read what an image shows as the embedded world's oracle does, and answer from that."""

    def judge(self, images: Sequence[Image.Image], prompts: Sequence[BenchmarkPrompt]) -> list[Verdict]:
        """Return a verdict an image; an image of another size is scaled to the oracle's."""
        pixels = (np.asarray(image.convert("RGB")) for image in images)
        return [judge(read(image), prompt.questions) for image, prompt in zip(pixels, prompts, strict=True)]

    def references(self, prompts: Sequence[BenchmarkPrompt]) -> list[Image.Image]:
        """Render a held-out scene a prompt, of its category and of a seed that no prompt has."""
        streams: dict[str, Iterator[Pair]] = {
            category: pairs_of(category, "held_out", REFERENCE_SEED) for category in {each.category for each in prompts}
        }
        return [Image.fromarray(render(next(streams[each.category]).positive)) for each in prompts]
