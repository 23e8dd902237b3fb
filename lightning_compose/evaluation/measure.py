"""From drawn images to scores and metrics, on one process or a share of the images on each of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from PIL import Image

from lightning_compose.data.schema import STAGES
from lightning_compose.evaluation.clip import BATCH_SIZE, Clip
from lightning_compose.evaluation.judge import Judge
from lightning_compose.evaluation.prompts import COMPOSITIONAL, MULTIGEN, SPLITS, BenchmarkPrompt
from lightning_compose.evaluation.scores import Score, score
from lightning_compose.metrics.clip_score import clip_scores
from lightning_compose.metrics.suite import BenchmarkMetrics, Judged


class Measurement:
    """Scores of the images of a benchmark and their metrics.

    Args:
        prompts: All of the benchmark.
        judge: Answers their questions.
        clip: None = no CLIPScore and no KID.
        device: Where metrics and CLIP compute; several processes exchange their counts from there.
    """

    def __init__(
        self,
        prompts: Sequence[BenchmarkPrompt],
        judge: Judge,
        clip: Clip | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.prompts = prompts
        self.judge = judge
        self.clip = None if clip is None else clip.to(device)
        self.real = {} if clip is None else self._references()
        model = clip.model if clip is not None and self.real else None
        self.others = _other_prompts(prompts)
        self.metrics = BenchmarkMetrics(COMPOSITIONAL, MULTIGEN, STAGES, model).to(device)

    def add(self, indices: Sequence[int], images: Sequence[Image.Image], files: Sequence[str]) -> list[Score]:
        """Judge images, take them into the metrics and return their scores.

        Args:
            indices: Which prompts they are of.
            images: One an index.
            files: Their names in the table of scores.
        """
        prompts = [self.prompts[index] for index in indices]
        verdicts = self.judge.judge(images, prompts)
        agreement = self._clip_scores(images, prompts)
        scores = [
            score(index, prompt, verdict, file, value)
            for index, prompt, verdict, file, value in zip(indices, prompts, verdicts, files, agreement, strict=True)
        ]
        blind = self._found_blind(indices, images)
        for split, metrics in zip(SPLITS, (self.metrics.seen, self.metrics.held_out), strict=True):
            metrics.update(_judged([each for each in scores if each.split == split], blind))
        self._add_to_kid(indices, images)
        return scores

    def compute(self) -> dict[str, float]:
        """Return the metrics of all images of all processes, which must all call it."""
        return self.metrics.compute()

    def _references(self) -> dict[int, Image.Image]:
        held_out = [
            index
            for index, prompt in enumerate(self.prompts)
            if prompt.split == "held_out" and prompt.category != MULTIGEN
        ]
        images = self.judge.references([self.prompts[index] for index in held_out])
        return dict(zip(held_out, images, strict=bool(images)))

    def _found_blind(self, indices: Sequence[int], images: Sequence[Image.Image]) -> dict[int, int]:
        """Return how many objects of another prompt an image shows, by its index: what comes about without reading."""
        asked = [(index, image) for index, image in zip(indices, images, strict=True) if index in self.others]
        others = [self.others[index] for index, _ in asked]
        verdicts = self.judge.judge([image for _, image in asked], others) if asked else ()
        return {
            index: score(index, other, verdict, "", None).found
            for (index, _), other, verdict in zip(asked, others, verdicts, strict=True)
        }

    @torch.no_grad()
    def _clip_scores(self, images: Sequence[Image.Image], prompts: Sequence[BenchmarkPrompt]) -> Sequence[float | None]:
        if self.clip is None:
            return [None] * len(images)
        texts = [each.prompt for each in prompts]
        return [
            value
            for start in range(0, len(images), BATCH_SIZE)
            for value in clip_scores(
                self.clip.model,
                self.clip.pixels(images[start : start + BATCH_SIZE]),
                self.clip.tokens(texts[start : start + BATCH_SIZE]),
            ).tolist()
        ]

    def _add_to_kid(self, indices: Sequence[int], images: Sequence[Image.Image]) -> None:
        drawn = [(image, self.real[index]) for index, image in zip(indices, images, strict=True) if index in self.real]
        if self.clip is None or self.metrics.kid is None:
            return
        for start in range(0, len(drawn), BATCH_SIZE):
            fakes, reals = zip(*drawn[start : start + BATCH_SIZE], strict=True)
            self.metrics.kid.update(self.clip.pixels(fakes), real=False)
            self.metrics.kid.update(self.clip.pixels(reals), real=True)


def _other_prompts(prompts: Sequence[BenchmarkPrompt]) -> dict[int, BenchmarkPrompt]:
    """Return the next multigen prompt of the same split and of another text, by the index of each that has one."""
    others: dict[int, BenchmarkPrompt] = {}
    for split in SPLITS:
        own = [index for index, each in enumerate(prompts) if (each.category, each.split) == (MULTIGEN, split)]
        for place, index in enumerate(own):
            in_turn = (prompts[each] for each in own[place:] + own[:place])
            other = next((each for each in in_turn if each.prompt != prompts[index].prompt), None)
            if other is not None:
                others[index] = other
    return others


def _judged(scores: Sequence[Score], blind: Mapping[int, int]) -> Judged:
    return Judged(
        categories=[each.category for each in scores],
        stages=[each.stage for each in scores],
        correct=[each.correct for each in scores],
        found=[each.found for each in scores],
        named=[each.objects for each in scores],
        clip_scores=[each.clip_score for each in scores if each.clip_score is not None],
        found_blind=[blind[each.index] for each in scores if each.index in blind],
    )
