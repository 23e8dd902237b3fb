"""How the accuracy of each run went along its training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from lightning_compose.evaluation.prompts import COMPOSITIONAL
from lightning_compose.study.tables import BASE, Evaluated, Outcome


@dataclass(frozen=True, slots=True)
class Point:
    """The accuracy of an arm at a step.

    Args:
        step: Optimizer steps so far.
        flops: Of the training so far, mean over seeds.
        mean: Mean of the categories in [0, 1], over seeds.
        lowest: Of a seed.
        highest: Of a seed.
    """

    step: int
    flops: float
    mean: float
    lowest: float
    highest: float


def course(runs: Sequence[Evaluated], scores: Iterable[Outcome], split: str) -> dict[str, list[Point]]:
    """Follow each arm from the untrained base, where that was evaluated, to its last step.

    Args:
        runs: All rows.
        scores: All rows.
        split: Which prompts.

    Returns:
        Points by arm; steps that not all seeds of an arm have reached are left out: a mean over others would jump.
    """
    accuracies = _accuracies(scores, split)
    start = _points([each for each in runs if each.arm == BASE], accuracies)
    arms = dict.fromkeys(each.arm for each in runs if each.arm != BASE)
    return {arm: start + _points([each for each in runs if each.arm == arm], accuracies) for arm in arms}


def _points(runs: Sequence[Evaluated], accuracies: dict[tuple[str, int, int], float]) -> list[Point]:
    by_step: dict[int, list[Evaluated]] = {}
    for each in runs:
        if (each.arm, each.seed, each.step) in accuracies:
            by_step.setdefault(each.step, []).append(each)
    seeds = len({each.seed for each in runs})
    complete = [found for _, found in sorted(by_step.items()) if len(found) == seeds]
    return [_point(found, [accuracies[each.arm, each.seed, each.step] for each in found]) for found in complete]


def _point(runs: Sequence[Evaluated], accuracies: Sequence[float]) -> Point:
    flops = fmean(each.flops for each in runs)
    return Point(runs[0].step, flops, fmean(accuracies), min(accuracies), max(accuracies))


def _accuracies(scores: Iterable[Outcome], split: str) -> dict[tuple[str, int, int], float]:
    by_run: dict[tuple[str, int, int], dict[str, list[bool]]] = {}
    for each in scores:
        if each.split == split and each.category in COMPOSITIONAL:
            categories = by_run.setdefault((each.arm, each.seed, each.step), {})
            categories.setdefault(each.category, []).append(each.correct)
    return {key: fmean(map(fmean, categories.values())) for key, categories in by_run.items()}
