"""What the arms of a study achieve and by how much they differ, with intervals over seeds and prompts."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lightning_compose.evaluation.comparison import BOTH, MEAN
from lightning_compose.evaluation.prompts import COMPOSITIONAL, MULTIGEN, SPLITS
from lightning_compose.metrics.bootstrap import central_interval, crossed_means
from lightning_compose.study.outcomes import Outcomes, Prompts

CORRECT, COMPLETE = "correct", "complete"
OBJECT_ACCURACY = "object accuracy"
MULTIGEN_NAMES = tuple(f"mg{least}" for least in range(2, 6))
LEVEL = 0.95
RESAMPLES = 4000

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that is told of every arm.

    Args:
        name: A category, `MEAN`, ``"mg2"`` to ``"mg5"`` or `OBJECT_ACCURACY`.
        split: ``"seen"``, ``"held_out"`` or `BOTH`.
        value: Which of the outcomes' values is averaged.
        groups: Columns of the prompts, a group a category: groups count alike, whatever their sizes.
    """

    name: str
    split: str
    value: str
    groups: tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much an arm is above the reference.

    Args:
        value: Of shares in [0, 1].
        interval: Of 95 %.
        family_interval: Wider: of all arms' together 95 % hold, by Bonferroni's bound.
    """

    value: float
    interval: Interval
    family_interval: Interval


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measure of an arm.

    Args:
        arm: As in the tables.
        name: Of the measure.
        split: Likewise.
        mean: Share in [0, 1] over seeds, each group of prompts counted alike.
        interval: Of 95 %, with seeds and prompts drawn anew.
        by_seed: The same mean of each seed.
        prompts: How many there are.
        difference: From the reference; None for itself, and without it.
    """

    arm: str
    name: str
    split: str
    mean: float
    interval: Interval
    by_seed: tuple[float, ...]
    prompts: int
    difference: Difference | None = None


def estimate(
    prompts: Prompts, arms: Mapping[str, Outcomes], reference: str, names: Container[str] | None = None
) -> list[Estimate]:
    """Estimate every measure of every arm.

    The interval of an arm draws its seeds anew, the same for all categories, and each category's prompts, the same for
    all seeds. That of a difference draws the prompts once for both arms, and the seeds of each arm by themselves: a
    seed names the order and the noise of a training, which two arms share at most in part, and an arm may have fewer
    seeds than another. Where sharing makes two arms alike, such intervals are too wide, never too narrow.

    Args:
        prompts: The columns of all outcomes.
        arms: By name, in the order of the tables.
        reference: The arm that the others are compared with; it may be missing.
        names: Of the measures that are wanted; None = all.
    """
    wanted = [measure for measure in measures(prompts) if names is None or measure.name in names]
    return [each for measure in wanted for each in _of_measure(measure, prompts, arms, reference)]


def measures(prompts: Prompts) -> list[Measure]:
    """List what is measured: what there are prompts for."""
    return [each for split in SPLITS for each in _of_split(prompts, split)] + list(_means(prompts, BOTH))


def compared(estimates: Iterable[Estimate]) -> int:
    """Count the differences that are told."""
    return sum(each.difference is not None for each in estimates)


def _of_split(prompts: Prompts, split: str) -> Iterable[Measure]:
    for category in COMPOSITIONAL:
        if (columns := prompts.columns(category, split)).size:
            yield Measure(category, split, CORRECT, (columns,))
    yield from _means(prompts, split)
    if (columns := prompts.columns(MULTIGEN, split)).size:
        yield from (Measure(name, split, name, (columns,)) for name in MULTIGEN_NAMES)
    several = np.concatenate([prompts.columns(category, split) for category in COMPOSITIONAL])
    if (columns := several[prompts.objects[several] > 1]).size:
        yield Measure(OBJECT_ACCURACY, split, COMPLETE, (columns,))


def _means(prompts: Prompts, split: str) -> Iterable[Measure]:
    groups = tuple(columns for category in COMPOSITIONAL if (columns := prompts.columns(category, split)).size)
    if groups:
        yield Measure(MEAN, split, CORRECT, groups)


def _of_measure(measure: Measure, prompts: Prompts, arms: Mapping[str, Outcomes], reference: str) -> Iterable[Estimate]:
    values = {arm: _groups(measure, outcomes, prompts) for arm, outcomes in arms.items()}
    others = len(arms) - 1
    for arm, groups in values.items():
        alone = _alone(arm, measure, groups)
        is_compared = arm != reference and reference in values
        yield replace(alone, difference=_difference(groups, values[reference], others)) if is_compared else alone


def _groups(measure: Measure, outcomes: Outcomes, prompts: Prompts) -> list[np.ndarray]:
    values = _values(measure.value, outcomes, prompts)
    return [values[:, columns] for columns in measure.groups]


def _values(name: str, outcomes: Outcomes, prompts: Prompts) -> np.ndarray:
    if name == CORRECT:
        return outcomes.correct
    least = prompts.objects if name == COMPLETE else int(name.removeprefix("mg"))
    return (outcomes.found >= least).astype(float)


def _alone(arm: str, measure: Measure, groups: Sequence[np.ndarray]) -> Estimate:
    by_seed = np.mean([group.mean(axis=1) for group in groups], axis=0)
    interval = central_interval(crossed_means(groups, resamples=RESAMPLES), LEVEL)
    seeds = tuple(map(float, by_seed))
    return Estimate(arm, measure.name, measure.split, float(by_seed.mean()), interval, seeds, sum(map(_size, groups)))


def _difference(groups: Sequence[np.ndarray], reference: Sequence[np.ndarray], others: int) -> Difference:
    means = crossed_means(groups, reference, resamples=RESAMPLES)
    value, subtracted = (float(np.mean([group.mean() for group in side])) for side in (groups, reference))
    family = central_interval(means, 1 - (1 - LEVEL) / others)
    return Difference(value - subtracted, central_interval(means, LEVEL), family)


def _size(group: np.ndarray) -> int:
    return group.shape[1]
