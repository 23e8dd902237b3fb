"""Making and judging the candidates for the negative of a positive."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from PIL.Image import Image

from lightning_compose.data.schema import Question
from lightning_compose.prepare.judging.alignment import is_violation, right_answers
from lightning_compose.prepare.judging.interview import interview
from lightning_compose.prepare.judging.shared_questions import share_questions
from lightning_compose.prepare.models.answerer import Answerer
from lightning_compose.prepare.models.editor import Editor
from lightning_compose.prepare.models.embedder import Embedder
from lightning_compose.prepare.models.painter import Painter
from lightning_compose.prepare.negatives.instructions import edit_instruction
from lightning_compose.prepare.rows import NegativeJudged


@dataclass(frozen=True, slots=True)
class Positive:
    """A verified image and what its negative should show.

    Args:
        key: Of the prompt.
        category: Of the prompt.
        caption: What the image shows.
        negative_caption: What the negative should show.
        questions: About the caption.
        right: Which of them the image answers rightly.
        image: RGB.
        own_questions: About the negative caption; () = nobody knows any.
    """

    key: str
    category: str
    caption: str
    negative_caption: str
    questions: tuple[Question, ...]
    right: tuple[bool, ...]
    image: Image
    own_questions: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True)
class NegativeSearch:
    """Makes images of the negative caption and says which violate the positive one, and how similar they are.

    Args:
        painter: Draws the negative caption.
        answerer: Answers the questions about both captions.
        embedder: Says how similar images are.
        editor: Edits the positive instead, in some categories; None = in none.
        edited_categories: Those.
    """

    painter: Painter
    answerer: Answerer
    embedder: Embedder
    editor: Editor | None = None
    edited_categories: Collection[str] = ()

    def is_edited(self, positive: Positive) -> bool:
        """Whether the positive's negative is made by editing."""
        return self.editor is not None and positive.category in self.edited_categories

    def make(self, positive: Positive, seeds: Sequence[int]) -> list[Image]:
        """Return an image a seed."""
        if self.editor is not None and self.is_edited(positive):
            instruction = edit_instruction(positive.caption, positive.negative_caption)
            return self.editor.edit([positive.image] * len(seeds), [instruction] * len(seeds), seeds)
        return self.painter.paint([positive.negative_caption] * len(seeds), seeds)

    def judge(
        self, positive: Positive, images: Sequence[Image], paths: Sequence[str], seeds: Sequence[int]
    ) -> tuple[NegativeJudged, ...]:
        """Return what was seen in each image.

        Args:
            positive: Whose negative is wanted.
            images: The candidates.
            paths: In the workspace, one an image.
            seeds: One an image.
        """
        keys = [f"{positive.key}/negatives/{number}" for number in range(len(images))]
        asked = share_questions(positive.questions, positive.own_questions)
        answers = interview(self.answerer, images, [asked.questions] * len(images), keys)
        vectors = self.embedder.embed([positive.image, *images])
        similarities = (vectors[1:] @ vectors[0]).tolist()
        return tuple(
            _judged(positive, path, seed, asked.split(given), similarity)
            for path, seed, given, similarity in zip(paths, seeds, answers, similarities, strict=True)
        )

    def names(self, positive: Positive) -> dict[str, str]:
        """Return the names of the models that had a part, by role."""
        maker = (
            {"editor": self.editor.name} if self.editor and self.is_edited(positive) else {"painter": self.painter.name}
        )
        return {"answerer": self.answerer.name, "embedder": self.embedder.name, **maker}


def _judged(
    positive: Positive, path: str, seed: int, answers: tuple[tuple[str, ...], tuple[str, ...]], similarity: float
) -> NegativeJudged:
    given, own = answers
    violates = is_violation(positive.right, right_answers(positive.questions, given))
    shows_own = all(right_answers(positive.own_questions, own)) if positive.own_questions else None
    return NegativeJudged(path, seed, given, violates, similarity, own, shows_own)
