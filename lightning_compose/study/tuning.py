"""Values chosen per arm: each is tried in a short run on prompts that are not reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from lightning_compose.cli.config_files import Config, merge, without_null_losses
from lightning_compose.study.logged import last_value
from lightning_compose.study.runs import Run, write_json
from lightning_compose.study.settings import TUNING_FOLDER, Arm, Study, Tuning
from lightning_compose.study.steps import require_evaluations, steps_of, with_steps

TUNED = "tuned.json"
Values = dict[str, Any]


@dataclass(frozen=True)
class Try:
    """Values by dotted key, and the run that tries them."""

    values: Values
    run: Run


def tries(study: Study, out: Path) -> dict[str, list[Try]]:
    """Return what is tried, by arm; arms with nothing to choose are left out.

    Args:
        study: What is run.
        out: The study's folder.
    """
    tuning = study.tuning
    if tuning is None:
        return {}
    tuned = [arm for arm in study.arms if len(combinations(arm.tune)) > 1]
    return {arm.name: [_try(study, tuning, arm, values, out) for values in combinations(arm.tune)] for arm in tuned}


def all_tries(study: Study, out: Path) -> list[Run]:
    """Return the runs of all tries."""
    return [each.run for tried in tries(study, out).values() for each in tried]


def choose(study: Study, out: Path) -> dict[str, Config]:
    """Return the chosen values of every arm whose tries are done, as a config; {} where nothing is to be chosen."""
    tried = tries(study, out)
    alone = {arm.name: _only(study, arm) for arm in study.arms if arm.name not in tried}
    return alone | {arm: nested(each["choice"]) for arm, each in _results(study, tried).items()}


def write_choices(study: Study, out: Path) -> None:
    """Write the choice of every arm whose tries are done into `TUNED`, with the scores of all of them."""
    results = _results(study, tries(study, out))
    if results:
        write_json(out / TUNED, results)


def combinations(tune: Mapping[str, Any]) -> list[Values]:
    """Return the product of the lists.

    >>> combinations({"a": [1, 2], "b": [3]})
    [{'a': 1, 'b': 3}, {'a': 2, 'b': 3}]
    """
    return [dict(zip(tune, values, strict=True)) for values in product(*tune.values())]


def nested(values: Mapping[str, Any]) -> Config:
    """Return a config that sets dotted keys.

    >>> nested({"a.b": 1, "a.c": 2})
    {'a': {'b': 1, 'c': 2}}
    """
    config: Config = {}
    for key, value in values.items():
        entry: Any = value
        for name in reversed(key.split(".")):
            entry = {name: entry}
        config = merge(config, entry)
    return config


def _only(study: Study, arm: Arm) -> Config:
    # Without tuning, values are as in the config; a list of one value is no choice but a setting.
    return nested(combinations(arm.tune)[0]) if study.tuning is not None else {}


def _try(study: Study, tuning: Tuning, arm: Arm, values: Values, out: Path) -> Try:
    common = merge(study.common, tuning.settings)
    require_evaluations(common)
    config = without_null_losses(merge(merge(common, arm.config), nested(values)))
    steps = steps_of(common)
    folder = out / TUNING_FOLDER / arm.name / _folder_name(values)
    name = f"{TUNING_FOLDER} {arm.name}:{_folder_name(values)}"
    run = Run(name, arm.name, tuning.seed, folder, with_steps(config, steps, arm.name), steps, study.home)
    return Try(values, run)


def _folder_name(values: Values) -> str:
    # By the values: a list that grows leaves the tries that are done where they are.
    told = [f"{key.replace('.init_args', '')}={value}" for key, value in values.items()]
    return ",".join(told).replace("/", "_")


def _results(study: Study, tried: Mapping[str, list[Try]]) -> dict[str, dict[str, Any]]:
    done = {arm: each for arm, each in tried.items() if all(one.run.is_done for one in each)}
    return {arm: _result(study.tuning, each) for arm, each in done.items()} if study.tuning else {}


def _result(tuning: Tuning, tried: list[Try]) -> dict[str, Any]:
    scores = [last_value(each.run, tuning.metric) for each in tried]
    best = scores.index(max(scores) if tuning.mode == "max" else min(scores))
    told = [{"values": each.values, "score": score} for each, score in zip(tried, scores, strict=True)]
    return {"choice": tried[best].values, "tries": told}
