"""What a study is: its arms, its seeds, and what all of its runs have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from lightning_compose.cli.config_files import Config, merge, read_config
from lightning_compose.cli.errors import closest
from lightning_compose.study.steps import require_evaluations, steps_of
from lightning_compose.study.tables import BASE

TUNING_FOLDER = "tuning"
TABLES_FOLDER = "tables"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+.-]*")
# The last is that of the page.
TAKEN = (BASE, TUNING_FOLDER, TABLES_FOLDER, "results")


@dataclass(frozen=True)
class Arm:
    """One kind of training that a study compares with others.

    Args:
        name: Of its folder, and its key in the tables.
        title: For people.
        config: Laid over what all runs have in common.
        note: A sentence on what it is; empty = none.
        tune: By dotted key, the values that are tried; {} = all values are as in `config`.
    """

    name: str
    title: str
    config: Config
    note: str = ""
    tune: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Tuning:
    """How values are chosen: by short runs of one seed, on other prompts than those that are reported.

    Args:
        seed: Of those runs, none of the study's.
        settings: Laid over what all runs have in common, below the arm's own.
        metric: As logged in the last validation.
        mode: Whether its largest value is best, or its smallest.
    """

    seed: int
    settings: Config
    metric: str
    mode: Literal["max", "min"] = "max"


@dataclass(frozen=True)
class Evidence:
    """A table of another command, which the page shows to explain the study's own.

    Args:
        title: For people.
        table: A CSV file; the page says so where it is not there yet.
        command: That wrote it.
        note: What is to be seen in it; empty = none.
    """

    title: str
    table: Path
    command: str
    note: str = ""


@dataclass(frozen=True)
class Study:
    """Arms times seeds.

    Args:
        home: Folder that paths are told relative to: that of the first of `configs`.
        common: What all runs have in common.
        seeds: Of the runs of each arm.
        jobs: Runs side by side.
        threads: Of each.
        reference: The arm that all others are compared with.
        arms: In the order of the tables.
        tuning: None = all values are as in the arms' configs.
        evidence: In the order of the page.
        compare: Arms that are compared with each other, beside all with the reference: the first with the second.
    """

    home: Path
    common: Config
    seeds: tuple[int, ...]
    jobs: int
    threads: int
    reference: str
    arms: tuple[Arm, ...]
    tuning: Tuning | None = None
    evidence: tuple[Evidence, ...] = ()
    compare: tuple[tuple[str, str], ...] = ()

    @property
    def steps(self) -> int:
        """Optimizer steps of every run."""
        return steps_of(self.common)


KEYS = ("configs", "settings", "seeds", "jobs", "threads", "reference", "arms", "tuning", "evidence", "compare")


def read_study(config: Config) -> Study:
    """Read the content of a study's config file.

    Raises:
        FileNotFoundError: When one of `configs` is missing.
        ValueError: When a key is unknown or missing, or a value is not what it should be.
    """
    _require_keys("a study", config, KEYS, needed=("configs", "seeds", "reference", "arms"))
    files = [Path(each) for each in _list("configs", config["configs"], str)]
    common: Config = {}
    for each in map(read_config, files):
        common = merge(common, each)
    settings = _mapping("settings", config.get("settings"))
    _require_known_nulls("settings", settings, common)
    common = merge(common, settings)
    study = Study(
        home=files[0].resolve().parent,
        common=common,
        seeds=tuple(_seeds(config["seeds"])),
        jobs=_at_least_one("jobs", config.get("jobs", 1)),
        threads=_at_least_one("threads", config.get("threads", 1)),
        reference=config["reference"],
        arms=tuple(_arm(*each) for each in _mapping("arms", config["arms"]).items()),
        tuning=_tuning(config.get("tuning")),
        evidence=tuple(map(_evidence, _list("evidence", config["evidence"]) if config.get("evidence") else ())),
        compare=tuple(map(_pair, _list("compare", config["compare"]) if config.get("compare") else ())),
    )
    _require_coherent(study)
    return study


def _arm(name: str, content: Any) -> Arm:
    key = f"arms.{name}"
    known = _mapping(key, content)
    _require_keys(key, known, [each.name for each in fields(Arm) if each.name != "name"], needed=("title",))
    if not NAME.fullmatch(name) or name in TAKEN:
        raise ValueError(
            f"Expected an arm's name to be of letters, digits, `_`, `+`, `.` and `-`, and none of {list(TAKEN)}, got "
            f"{name!r}. It names a folder: rename it."
        )
    tune = {each: _list(f"{key}.tune.{each}", of_key) for each, of_key in _mapping(key, known.get("tune")).items()}
    return Arm(name, known["title"], _mapping(f"{key}.config", known.get("config")), known.get("note") or "", tune)


def _tuning(content: Any) -> Tuning | None:
    if content is None:
        return None
    known = _mapping("tuning", content)
    _require_keys("tuning", known, [each.name for each in fields(Tuning)], needed=("seed", "metric"))
    if known.get("mode", "max") not in ("max", "min"):
        raise ValueError(f"Expected `tuning.mode` to be max or min, got {known['mode']!r}.")
    _seeds([known["seed"]], "tuning.seed")
    return Tuning(**{**known, "settings": _mapping("tuning.settings", known.get("settings"))})


def _evidence(content: Any) -> Evidence:
    known = _mapping("evidence", content)
    _require_keys("evidence", known, [each.name for each in fields(Evidence)], needed=("title", "table", "command"))
    return Evidence(known["title"], Path(known["table"]), known["command"], known.get("note") or "")


def _pair(value: Any) -> tuple[str, str]:
    if not isinstance(value, list) or len(value) != 2 or value[0] == value[1]:
        raise ValueError(f"Expected `compare` to hold pairs of different arms, got {value!r}.")
    return value[0], value[1]


def _require_coherent(study: Study) -> None:
    names = [each.name for each in study.arms]
    unknown = [name for pair in study.compare for name in pair if name not in names]
    if unknown:
        raise ValueError(
            f"Expected `compare` to name arms, got {unknown[0]!r}.{closest(str(unknown[0]), names)} Known: {names}."
        )
    if study.reference not in names:
        raise ValueError(
            f"Expected `reference` to name an arm, got {study.reference!r}.{closest(str(study.reference), names)} "
            f"Known: {names}."
        )
    if study.tuning is not None and study.tuning.seed in study.seeds:
        raise ValueError(
            f"Expected `tuning.seed` to be none of `seeds`, got {study.tuning.seed} in both: what is chosen by a run "
            "must not be reported by it. Set another."
        )
    if study.tuning is not None:
        _require_known_nulls("tuning.settings", study.tuning.settings, study.common)
    for arm in study.arms:
        _require_known_nulls(f"arms.{arm.name}.config", arm.config, study.common)
    require_evaluations(study.common)


def _require_known_nulls(where: str, config: Config, below: Config) -> None:
    losses, known = config.get("losses"), list(below.get("losses") or {})
    nulls = [name for name, loss in losses.items() if loss is None] if isinstance(losses, dict) else []
    unknown = [name for name in nulls if name not in known]
    if unknown:
        raise ValueError(
            f"Expected `{where}.losses` to take away losses that there are, got {unknown[0]!r}."
            f"{closest(unknown[0], known)} Known: {known}."
        )


# -- single values ---------------------------------------------------------------------------------------


def _require_keys(where: str, content: Config, known: Sequence[str], needed: Sequence[str]) -> None:
    unknown = [each for each in content if each not in known]
    if unknown:
        raise ValueError(
            f"Expected {where} to have known keys, got {unknown[0]!r}.{closest(unknown[0], known)} "
            f"Known: {list(known)}."
        )
    missing = [each for each in needed if content.get(each) is None]
    if missing:
        raise ValueError(f"Expected {where} to have {missing[0]!r}, got none. Set it in the study's config.")


def _mapping(key: str, value: Any) -> Config:
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"Expected `{key}` to hold keys and values, got {value!r}.")
    return value or {}


def _list(key: str, value: Any, kind: type = object) -> list[Any]:
    is_list = isinstance(value, list) and value and all(isinstance(each, kind) for each in value)
    if not is_list or len(set(map(repr, value))) < len(value):
        what = "" if kind is object else f" of type {kind.__name__}"
        raise ValueError(f"Expected `{key}` to be a list of one or more different values{what}, got {value!r}.")
    return value


def _seeds(value: Any, key: str = "seeds") -> list[int]:
    seeds = _list(key, value, int)
    # True is an int to Python.
    wrong = [each for each in seeds if isinstance(each, bool) or each < 0]
    if wrong:
        raise ValueError(f"Expected `{key}` to hold integers of at least 0, got {wrong[0]!r}.")
    return seeds


def _at_least_one(key: str, value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"Expected `{key}` to be an integer of at least 1, got {value!r}.")
    return value
