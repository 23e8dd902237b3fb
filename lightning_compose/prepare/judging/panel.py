"""A caption, the images that may show it, and what a judge and a score say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL.Image import Image

from lightning_compose.data.schema import Question
from lightning_compose.prepare.judging.alignment import alignment, is_success, right_answers
from lightning_compose.prepare.judging.interview import interview
from lightning_compose.prepare.models.answerer import Answerer
from lightning_compose.prepare.models.scorer import Scorer
from lightning_compose.prepare.rows import Judged

Candidates = tuple[Judged, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A caption and the images that may show it.

    Args:
        key: Of the prompt.
        category: Of the prompt.
        caption: What the images should show.
        questions: About it, those that others depend on first; () = somebody must ask.
        images: RGB.
        paths: In the workspace, one an image.
        seeds: One an image.
    """

    key: str
    category: str
    caption: str
    questions: tuple[Question, ...]
    images: tuple[Image, ...]
    paths: tuple[str, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """Says of each image whether it shows its caption, and how well.

    Args:
        answerer: Answers the questions.
        scorer: Scores image and caption.
        least_alignment: See `alignment.is_success`.
    """

    answerer: Answerer
    scorer: Scorer
    least_alignment: Mapping[str, float]

    def judge(self, cases: Sequence[Case]) -> list[Candidates]:
        """Return the candidates of each case; all images are asked and scored together."""
        places = [(case, number) for case in cases for number in range(len(case.images))]
        if not places:
            return []
        images = [case.images[number] for case, number in places]
        keys = [f"{case.key}/candidates/{number}" for case, number in places]
        answers = interview(self.answerer, images, [case.questions for case, _ in places], keys)
        scores = self.scorer.score(images, [case.caption for case, _ in places])
        judged = (self._judged(*each) for each in zip(places, answers, scores, strict=True))
        return [tuple(next(judged) for _ in case.images) for case in cases]

    def _judged(self, place: tuple[Case, int], answers: tuple[str, ...], score: float) -> Judged:
        case, number = place
        right = right_answers(case.questions, answers)
        success = is_success(right, case.category, self.least_alignment)
        return Judged(case.paths[number], case.seeds[number], answers, alignment(right), success, score)
