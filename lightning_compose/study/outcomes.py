"""The scores of a study as arrays: a row a seed, a column a prompt, the same columns for every arm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lightning_compose.evaluation.comparison import BOTH
from lightning_compose.study.readings import Reading
from lightning_compose.study.tables import Outcome

Run = Mapping[int, Outcome]
"""By the prompt's index."""
RunKey = tuple[str, int]
"""Arm and seed."""
Question = tuple[str, int, str, str, int]
"""Prompt, seed of the image, category, split, objects."""
Asked = dict[int, Question]
"""By the prompt's index."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """What is asked of every run, in the order of the columns.

    Args:
        category: Text [prompt].
        split: Text [prompt].
        objects: How many each prompt names, int [prompt].
    """

    category: np.ndarray
    split: np.ndarray
    objects: np.ndarray

    def columns(self, category: str, split: str) -> np.ndarray:
        """Return the columns of a category's prompts in a split, or in `BOTH`."""
        return np.flatnonzero((self.category == category) & ((self.split == split) | (split == BOTH)))


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of the prompts in each run of an arm.

    Args:
        correct: Whether all is right, 0.0 or 1.0 [seed, prompt].
        found: How many of the objects are there, int [seed, prompt].
    """

    correct: np.ndarray
    found: np.ndarray


def gather(scores: Iterable[Outcome], reading: Reading, arms: Sequence[str]) -> tuple[Prompts, dict[str, Outcomes]]:
    """Lay out the scores of the steps that are read.

    Args:
        scores: Of all steps.
        reading: At which step each run is read.
        arms: Their order; one without a run is left out.

    Raises:
        ValueError: When the runs were not asked the same prompts.
    """
    by_run = _by_run(scores, reading)
    prompts = _common_prompts(by_run)
    return prompts, {arm: _stack(found) for arm in arms if (found := _of_arm(by_run, arm))}


def _by_run(scores: Iterable[Outcome], reading: Reading) -> dict[tuple[str, int], dict[int, Outcome]]:
    by_run: dict[tuple[str, int], dict[int, Outcome]] = {}
    for each in scores:
        key = each.arm, each.seed
        if key in reading and reading[key].step == each.step:
            by_run.setdefault(key, {})[each.index] = each
    return by_run


def _common_prompts(by_run: Mapping[tuple[str, int], Run]) -> Prompts:
    asked = {key: {each.index: _question(each) for each in run.values()} for key, run in by_run.items()}
    first, prompts = next(iter(asked.items()), (None, {}))
    for key, others in asked.items():
        if first is not None and others != prompts:
            raise ValueError(_told_difference(first, prompts, key, others))
    rows = [prompts[index] for index in sorted(prompts)]
    _, _, categories, splits, objects = zip(*rows, strict=True) if rows else ((),) * 5
    return Prompts(np.array(categories, str), np.array(splits, str), np.array(objects, int))


def _question(each: Outcome) -> Question:
    return each.prompt, each.image_seed, each.category, each.split, each.objects


def _told_difference(one: RunKey, prompts: Asked, other: RunKey, others: Asked) -> str:
    differing = [index for index in sorted(prompts | others) if prompts.get(index) != others.get(index)]
    index = differing[0]
    return (
        f"Expected the same prompts of every run, got {len(differing)} that differ between {one[0]}:{one[1]} and "
        f"{other[0]}:{other[1]}, the first at index {index}: {_told(prompts.get(index))} and "
        f"{_told(others.get(index))}. Evaluate all runs with the same `evaluation.prompts`."
    )


def _told(question: Question | None) -> str:
    return "none" if question is None else f"{question[0]!r} with seed {question[1]} ({question[2]}, {question[3]})"


def _of_arm(by_run: Mapping[tuple[str, int], Run], arm: str) -> list[Run]:
    return [run for (name, _), run in sorted(by_run.items()) if name == arm]


def _stack(runs: Sequence[Run]) -> Outcomes:
    rows = [[run[index] for index in sorted(run)] for run in runs]
    correct = np.array([[float(each.correct) for each in row] for row in rows])
    return Outcomes(correct, np.array([[each.found for each in row] for row in rows]))
