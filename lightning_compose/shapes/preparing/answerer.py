"""The embedded world's judge of candidates: the oracle, with faults that are stated and drawn from a seed."""

from __future__ import annotations

from collections.abc import Sequence

from PIL.Image import Image

from lightning_compose.arguments import require_share
from lightning_compose.data.schema import Question
from lightning_compose.prepare.models.answerer import Answerer
from lightning_compose.seeding import generator
from lightning_compose.shapes.oracle.verdict import answer
from lightning_compose.shapes.preparing.looking import look

OTHER = {"yes": "no", "no": "yes"}


class FaultyOracle(Answerer):
    """Answer as the oracle does, and wrongly now and then, as a model would.

    A wrong answer is the other of yes and no, and a number that is one off. Whether an answer is wrong depends on the
    seed, the image's key and the words of the question: who asks the same again gets the same answer.

    Args:
        error_rate: Chance of each answer to be wrong, in [0, 1].
        seed: Of the faults.
    """

    def __init__(self, error_rate: float = 0.1, seed: int = 0) -> None:
        require_share(error_rate=error_rate)
        self.error_rate = error_rate
        self.seed = seed
        self.name = f"oracle with {error_rate:.0%} faults"

    def answer(
        self, images: Sequence[Image], questions: Sequence[Sequence[Question]], keys: Sequence[str]
    ) -> list[tuple[str, ...]]:
        """Return an answer a question, for each image in turn."""
        return [
            tuple(self._answer(image, each, key) for each in asked)
            for image, asked, key in zip(images, questions, keys, strict=True)
        ]

    def truth(self, image: Image, question: Question) -> str:
        """Return the right answer."""
        return answer(look(image), question)

    def _answer(self, image: Image, question: Question, key: str) -> str:
        truth = self.truth(image, question)
        rng = generator(self.seed, f"fault/{key}/{question.question}")
        is_wrong, is_more = rng.random() < self.error_rate, rng.random() < 0.5
        return _wrong(truth, is_more) if is_wrong else truth


def _wrong(truth: str, is_more: bool) -> str:
    if truth in OTHER:
        return OTHER[truth]
    return str(int(truth) + 1) if is_more or truth == "0" else str(int(truth) - 1)
