"""Candidates of a pair's images, drawn by an artist, as the steps of `prepare` judge them, beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL.Image import Image

from benchmarks.prepare_artist import Artist, SceneJudge
from lightning_compose.data.schema import Question
from lightning_compose.prepare.image_seeds import image_seeds
from lightning_compose.prepare.judging.alignment import UNASKED, right_answers
from lightning_compose.prepare.judging.interview import interview
from lightning_compose.prepare.judging.panel import Candidates, Case, Panel
from lightning_compose.prepare.models.embedder import Embedder
from lightning_compose.prepare.models.scorer import Scorer
from lightning_compose.prepare.negatives.search import NegativeSearch, Positive
from lightning_compose.prepare.rows import NegativeJudged
from lightning_compose.shapes.captions import phrase
from lightning_compose.shapes.pairs import draw_pair
from lightning_compose.shapes.questions import ask

CANDIDATES, NEGATIVES = 10, 20
# As in the default of `VerifySettings`.
LEAST_ALIGNMENT = {"complex": 0.9}
JUDGE, SECOND_JUDGE = 0, 1


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate for a negative.

    Args:
        judged: By the step's own code.
        failed: Questions about the positive caption that were asked and answered wrongly.
        again: Whether one of them is answered wrongly when it is asked again.
        violates: Whether it truly does not show the positive caption.
        shows_own: Whether it truly shows its own.
    """

    judged: NegativeJudged
    failed: int
    again: bool
    violates: bool
    shows_own: bool


class Remembered(Embedder, Scorer):
    """Knows vectors and scores of a pair's images, computed once for all judges.

    Args:
        images: Of one pair.
        caption: Of the positive.
        embedder: Computes the vectors.
        scorer: Computes the scores.
    """

    name = "remembered"

    def __init__(self, images: Sequence[Image], caption: str, embedder: Embedder, scorer: Scorer) -> None:
        keys = [each.tobytes() for each in images]
        self._vectors = dict(zip(keys, embedder.embed(images), strict=True))
        self._scores = dict(zip(keys, scorer.score(images, [caption] * len(images)), strict=True))

    def embed(self, images: Sequence[Image]) -> np.ndarray:
        """Return vectors of length 1."""
        return np.stack([self._vectors[each.tobytes()] for each in images])

    def score(self, images: Sequence[Image], texts: Sequence[str]) -> list[float]:
        """Return a score an image, of the positive caption."""
        return [self._scores[each.tobytes()] for each in images]


class Drawn:
    """A pair of the embedded world and what an artist drew for it.

    Args:
        number: Of the pair.
        skill: Of the artist.
        embedder: Says how alike the images are.
        scorer: Says how well they go with the positive's caption.
    """

    def __init__(self, number: int, skill: float, embedder: Embedder, scorer: Scorer) -> None:
        pair = draw_pair(0, "train", number)
        self.artist = Artist(pair, skill)
        self.caption = phrase(pair.description, pair.style).text
        self.questions = ask(pair.description)
        self._key, self._category = f"pair-{number}", pair.category
        self._own_caption = phrase(pair.negative_description, pair.style).text
        self._own_questions = ask(pair.negative_description)
        self._seeds = image_seeds(0, "candidates", self._key, CANDIDATES)
        self._negative_seeds = image_seeds(0, "negatives", self._key, NEGATIVES)
        self.images = tuple(self.artist.paint([self.caption] * CANDIDATES, self._seeds))
        self._negatives = tuple(self.artist.paint([self._own_caption] * NEGATIVES, self._negative_seeds))
        self._known = Remembered([*self.images, *self._negatives], self.caption, embedder, scorer)

    def positives(self, faults: float) -> Candidates:
        """Return the candidates of the positive, as `verify` judges them.

        Args:
            faults: Share of wrong answers.
        """
        panel = Panel(SceneJudge(self.artist, faults, JUDGE), self._known, LEAST_ALIGNMENT)
        paths = ("",) * CANDIDATES
        case = Case(self._key, self._category, self.caption, self.questions, self.images, paths, self._seeds)
        return panel.judge([case])[0]

    def negatives(self, positives: Candidates, chosen: int, faults: float) -> list[Trial]:
        """Return the candidates of the negative, as `negatives` judges them.

        Args:
            positives: As `positives` returns them.
            chosen: Which is the positive.
            faults: Share of wrong answers.
        """
        right = right_answers(self.questions, positives[chosen].answers)
        positive = Positive(
            self._key,
            self._category,
            self.caption,
            self._own_caption,
            self.questions,
            right,
            self.images[chosen],
            self._own_questions,
        )
        search = NegativeSearch(self.artist, SceneJudge(self.artist, faults, JUDGE), self._known)
        judged = search.judge(positive, self._negatives, [""] * NEGATIVES, self._negative_seeds)
        again = self._ask_again(faults)
        return [self._trial(*each, right) for each in zip(self._negatives, judged, again, strict=True)]

    def _ask_again(self, faults: float) -> list[tuple[str, ...]]:
        second = SceneJudge(self.artist, faults, SECOND_JUDGE)
        keys = [f"{self._key}/{seed}" for seed in self._negative_seeds]
        return interview(second, self._negatives, [self.questions] * NEGATIVES, keys)

    def _trial(self, image: Image, judged: NegativeJudged, again: Sequence[str], right: Sequence[bool]) -> Trial:
        failed = self._failed(judged.answers, right)
        violates = not self.artist.shows(image, self.questions)
        shows_own = self.artist.shows(image, self._own_questions)
        return Trial(judged, len(failed), bool(failed & self._failed(again, right)), violates, shows_own)

    def _failed(self, answers: Sequence[str], right: Sequence[bool]) -> set[Question]:
        own = right_answers(self.questions, answers)
        each = zip(self.questions, answers, right, own, strict=True)
        return {question for question, given, should, is_right in each if should and given != UNASKED and not is_right}
