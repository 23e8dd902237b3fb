"""All metrics of a benchmark together, seen and held-out compositions apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import CLIPModel

from lightning_compose.metrics.clip_score import CLIPScore
from lightning_compose.metrics.composition import CompositionAccuracy
from lightning_compose.metrics.kid import ImageTower, KernelInceptionDistance
from lightning_compose.metrics.multigen import MultiGen
from lightning_compose.metrics.object_accuracy import ObjectAccuracy


@dataclass(frozen=True, slots=True)
class Judged:
    """What the metrics need to know of n images, a list of n each.

    Args:
        categories: Of their prompts.
        stages: Likewise; empty texts are left out.
        correct: Whether all is right.
        found: Objects that are there.
        named: Objects that the prompt names.
        clip_scores: Empty = not measured.
        found_blind: Objects of another prompt that are there, of images of five objects alone; empty = not measured.
    """

    categories: Sequence[str]
    stages: Sequence[str]
    correct: Sequence[bool]
    found: Sequence[int]
    named: Sequence[int]
    clip_scores: Sequence[float]
    found_blind: Sequence[int]


class SplitMetrics(nn.Module):
    """The metrics of one split.

    Args:
        categories: Whose accuracy is measured.
        multigen: The name of the category with five distinct objects, which counts for MG2 to MG5 alone.
        stages: Levels of difficulty whose accuracy is measured, too.
    """

    def __init__(self, categories: Sequence[str], multigen: str, stages: Sequence[str]) -> None:
        super().__init__()
        self.multigen_category = multigen
        self.accuracy = CompositionAccuracy(categories)
        self.stage_accuracy = CompositionAccuracy(stages)
        self.multigen = MultiGen()
        self.multigen_blind = MultiGen()
        self.object_accuracy = ObjectAccuracy()
        self.clip_score = CLIPScore()

    def update(self, judged: Judged) -> None:
        """Take in images."""
        compositional = [index for index, name in enumerate(judged.categories) if name != self.multigen_category]
        staged = [index for index in compositional if judged.stages[index]]
        others = [index for index, name in enumerate(judged.categories) if name == self.multigen_category]
        several = [index for index in compositional if judged.named[index] > 1]
        self.accuracy.update([judged.categories[each] for each in compositional], _of(judged.correct, compositional))
        self.stage_accuracy.update([judged.stages[each] for each in staged], _of(judged.correct, staged))
        self.multigen.update(_of(judged.found, others))
        self.multigen_blind.update(torch.tensor(judged.found_blind, dtype=torch.long))
        self.object_accuracy.update(_of(judged.found, several), _of(judged.named, several))
        self.clip_score.update(torch.tensor(judged.clip_scores, dtype=torch.float32))

    def compute(self) -> dict[str, float]:
        """Return what was measured, by name; a metric without images is left out."""
        values: dict[str, Tensor] = {f"accuracy/{name}": each for name, each in self.accuracy.compute().items()}
        stages = self.stage_accuracy.compute()
        values |= {f"accuracy_by_stage/{name}": each for name, each in stages.items() if name != "mean"}
        values |= self.multigen.compute()
        values |= {f"{name}_blind": each for name, each in self.multigen_blind.compute().items()}
        values |= {"object_accuracy": self.object_accuracy.compute(), "clip_score": self.clip_score.compute()}
        return {name: float(each) for name, each in values.items() if not each.isnan()}


class BenchmarkMetrics(nn.Module):
    """The metrics of both splits, and KID on held-out images.

    Args:
        categories: See `SplitMetrics`.
        multigen: Likewise.
        stages: Likewise.
        clip: Its image tower gives the features of KID; None = no KID.
    """

    def __init__(self, categories: Sequence[str], multigen: str, stages: Sequence[str], clip: CLIPModel | None) -> None:
        super().__init__()
        self.seen = SplitMetrics(categories, multigen, stages)
        self.held_out = SplitMetrics(categories, multigen, stages)
        self.kid = None if clip is None else KernelInceptionDistance(ImageTower(clip))

    def compute(self) -> dict[str, float]:
        """Return what was measured: of seen compositions by its name, of held-out ones with ``/held_out`` behind it.

        Several processes must all call it: what they took in is summed up.
        """
        measured = self.seen.compute()
        measured |= {f"{name}/held_out": value for name, value in self.held_out.compute().items()}
        distance = None if self.kid is None else self.kid.compute()
        return measured if distance is None else measured | {"kid": float(distance[0])}


def _of(values: Sequence[int], indices: Sequence[int]) -> Tensor:
    return torch.tensor([int(values[index]) for index in indices], dtype=torch.long)
