"""What a study ran, and how its values were chosen, as rows of cells and lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePath
from typing import Any

import yaml

from lightning_compose.cli.config_files import Config, merge
from lightning_compose.study.findings import Findings
from lightning_compose.study.provenance import Life, alike
from lightning_compose.study.tables import BASE
from lightning_compose.study.tuning import nested

Rows = list[tuple[str, ...]]


def arms(findings: Findings) -> Rows:
    """Tell what each arm is and its settings."""
    header = ("arm", "what it is", "seeds done", "steps", "images a step", "rate", "losses", "curriculum")
    return [header, *(_arm_row(findings, arm) for arm in (BASE, *findings.tables.study["study"]["arms"]))]


def notes(findings: Findings) -> list[str]:
    """Return what the config says of the arms."""
    arms = findings.tables.study["study"]["arms"]
    return [f"`{arm}`: {each['note']}" for arm, each in arms.items() if each.get("note")]


def differing(findings: Findings) -> str:
    """Return as YAML what each arm has of its own, tuned values aside."""
    arms = findings.tables.study["study"]["arms"]
    return yaml.safe_dump({arm: each.get("config") or {} for arm, each in arms.items()}, sort_keys=False, width=110)


def tries(findings: Findings) -> Rows:
    """Tell which values each arm was tried with and how it did."""
    rows = [row for arm, tuned in findings.tables.study["tuned"].items() for row in _tried(arm, tuned)]
    return [("arm", "values", "score", ""), *rows] if rows else []


def tuning(findings: Findings) -> str:
    """Say in a sentence how values were chosen."""
    settings = findings.tables.study["study"].get("tuning")
    if not settings or not findings.tables.study["tuned"]:
        return "No value was tuned in this study: all are as in the configs."
    prompts = ((settings.get("settings") or {}).get("evaluation") or {}).get("prompts")
    best = "lowest" if settings.get("mode") == "min" else "highest"
    asked = f" on the prompts of `{PurePath(prompts).name}`" if prompts else ""
    return (
        f"Each value below was tried in one run with seed {settings['seed']}, which no run of the tables has. The one "
        f"with the {best} `{settings['metric']}`{asked} was taken for all seeds. One run a value is little: a value "
        "close by may be as good, one beyond the ends of a list better. The arms' rates and "
        "weights, in the table of the arms, differ accordingly."
    )


def schedule(findings: Findings) -> str:
    """Say how the rate and the average of the weights go, and whether an earlier step is a shorter training."""
    settings = findings.tables.study["study"].get("settings") or {}
    rate, decay = _get(settings, "model.lr_schedule") or "constant_with_warmup", _get(settings, "ema.decay")
    average = f"an average of the weights with decay {decay:g} draws" if decay else "the weights are not averaged"
    meaning = (
        "an earlier step is a shorter training"
        if rate.startswith("constant")
        else "an earlier step is less than a shorter training, whose rate would have come to its end"
    )
    return f"The rate is `{rate}` and {average}: {meaning}."


def circumstances(findings: Findings) -> list[str]:
    """Say what the runs were computed on and when; where that differs, for which runs."""
    groups = alike(findings.tables.study["lives"])
    alone = len(groups) == 1
    told = [f"{'' if alone else f'{_names(names)}: '}{_circumstances(each)}" for each, names in groups]
    return [*told, _when(findings)]


def _circumstances(life: Life) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in life["versions"].items())
    jobs, threads = life["jobs"], life["threads"]
    return (
        f"{life['machine']}; {versions}. Seconds are wall-clock time with {jobs} run{'s' if jobs > 1 else ''} side by "
        f"side, {threads} thread{'s' if threads > 1 else ''} each."
    )


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _when(findings: Findings) -> str:
    study = findings.tables.study
    lives = {name: each for name, each in study["lives"].items() if each}
    if not lives:
        return ""
    cut = [name for name, each in lives.items() if len(each) > 1]
    gone_on = f" Interrupted and gone on with: {_names(cut)}." if cut else ""
    tried = (
        f"The first try of a value began at {_first(study['lives_of_tries'])}. "
        if any(study["lives_of_tries"].values())
        else ""
    )
    first, last = _first(lives | study["lives_of_tries"]), max(study["ended"].values())
    minutes = (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds() / 60
    began = f"{tried}The first run began at {_first(lives)}, the last ended at {last}, "
    return f"{began}{minutes:.0f} minutes after the first of all.{gone_on}"


def _first(lives: Mapping[str, Sequence[Life]]) -> str:
    return min(life["began"] for each in lives.values() for life in each)


def _arm_row(findings: Findings, arm: str) -> tuple[str, ...]:
    rows = findings.equal_steps.rows(arm)
    steps = ", ".join(sorted({str(each.step) for each in rows}))
    if arm == BASE:
        return f"`{arm}`", "The model before fine-tuning", str(len(rows)), steps, "", "", "", ""
    title = findings.tables.study["study"]["arms"][arm]["title"]
    return f"`{arm}`", title, str(len(rows)), steps, *_settings(_config(findings, arm))


def _config(findings: Findings, arm: str) -> Config:
    """Return all that was set for an arm; what is not in it had the default."""
    study = findings.tables.study["study"]
    chosen = findings.tables.study["tuned"].get(arm, {}).get("choice", {})
    own = merge(study["arms"][arm].get("config") or {}, nested(chosen))
    return merge(study.get("settings") or {}, own)


def _settings(config: Config) -> tuple[str, str, str, str]:
    rate = _get(config, "model.optimizer.init_args.lr")
    return _told(_get(config, "data.global_batch_size")), _told(rate), _losses(config), _curriculum(config)


def _get(config: Config, key: str) -> Any:
    """Return the value of a dotted key; None where it is not set."""
    entry: Any = config
    for name in key.split("."):
        entry = (entry or {}).get(name)
    return entry


def _told(value: Any) -> str:
    if value is None:
        return "default"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _losses(config: Config) -> str:
    losses = {name: each for name, each in (config.get("losses") or {}).items() if each}
    told = [f"{name} {_told(_get(each, 'init_args.weight'))}" for name, each in losses.items()]
    return ", ".join(["denoising", *told])


def _curriculum(config: Config) -> str:
    plan = config.get("curriculum") or {}
    stages = {name: each for name, each in (plan.get("stages") or {}).items() if each}
    if not stages:
        return "none"
    return f"{plan.get('schedule', 'strict')}: " + ", ".join(f"{name} {each['steps']}" for name, each in stages.items())


def _tried(arm: str, tuned: Mapping[str, Any]) -> Rows:
    return [
        (
            f"`{arm}`",
            _values(each["values"]),
            f"{each['score']:.4f}",
            "taken" if each["values"] == tuned["choice"] else "",
        )
        for each in tuned.get("tries") or []
    ]


def _values(values: Mapping[str, Any]) -> str:
    return ", ".join(f"`{key}` {value}" for key, value in values.items())
