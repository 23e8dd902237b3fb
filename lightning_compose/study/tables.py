"""The tables of a study, from which its page is made.

`RUNS`: a row each evaluated step of each run; `SCORES`: a row each image of it; `TERMS`: a row each number of its
losses; `STUDY`, what was planned and chosen:

    study:     {seeds: [0, 1], reference: plain, jobs: 2, threads: 1, settings: {...}, tuning: {...} or null,
                compare: [[token, pixel]],
                arms: {plain: {title: Plain fine-tuning, note: ours, config: {...}, tune: {...} or null}}}
    tuned:     {plain: {choice: {model.optimizer.init_args.lr: 1e-4},
                        tries: [{values: {model.optimizer.init_args.lr: 1e-4}, score: 0.41}]}}
    lives:     {plain:0: [{began: a time, machine: a text, versions: {torch: 2.9.0}, threads: 1, jobs: 2}]}
    lives_of_tries: likewise, of the runs that values were chosen by
    ended:     {plain:0: a time}
    content:   {evaluation.prompts: the SHA-256 of the file, ...}
    evidence:  [{title: What the base knows, command: python -m ..., note: a text, rows: [[timestep, gain], [50, 0.1]]}]
    commands:  [python -m lightning_compose study ...]
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

RUNS, SCORES, TERMS, STUDY = "runs.csv", "scores.csv", "terms.csv", "study.json"
BASE = "base"
"""The arm that is not trained."""
BASE_SEED = 0
"""Its seed, whatever the arms' seeds are: adding one in front of them changes nothing."""

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A run at a step at which it was evaluated.

    Args:
        arm: As in the study's config, or `BASE`.
        seed: Of the training.
        step: Optimizer steps so far.
        steps: Optimizer steps of the whole run.
        flops: Of the training so far; 0 for the base.
        seconds: Likewise.
        kid: None = not measured, as the two below.
        clip_score: In [0, 100].
        val_denoise: Denoising loss on the validation samples.
    """

    arm: str
    seed: int
    step: int
    steps: int
    flops: float
    seconds: float
    kid: float | None = None
    clip_score: float | None = None
    val_denoise: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a prompt at that step; the fields of an `evaluation.scores.Score`, whose seed is `image_seed`."""

    arm: str
    seed: int
    step: int
    index: int
    category: str
    split: str
    stage: str
    correct: bool
    found: int
    objects: int
    image_seed: int
    prompt: str


@dataclass(frozen=True, slots=True)
class Term:
    """What a loss came to on the validation samples at that step, or what it measures beside.

    Args:
        arm: As in the study's config, or `BASE`, whose losses have not trained yet.
        seed: Of the training.
        step: Optimizer steps so far.
        name: As it is logged: ``token``, ``token_in_mask_share``.
        value: Unweighted.
    """

    arm: str
    seed: int
    step: int
    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Tables:
    """All that a study has come to so far."""

    runs: tuple[Evaluated, ...]
    scores: tuple[Outcome, ...]
    terms: tuple[Term, ...]
    study: dict[str, Any]


def read_tables(folder: Path) -> Tables:
    """Read the four files.

    Raises:
        FileNotFoundError: When one is missing.
        ValueError: When one is no such table; names file and line.
    """
    missing = [name for name in (RUNS, SCORES, TERMS, STUDY) if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"Expected the tables {RUNS}, {SCORES}, {TERMS} and {STUDY} in '{folder}', found no {missing}. "
            "`python -m lightning_compose study` writes them."
        )
    study = json.loads((folder / STUDY).read_text(encoding="utf-8"))
    rows = _read(folder / RUNS, Evaluated), _read(folder / SCORES, Outcome), _read(folder / TERMS, Term)
    return Tables(*rows, study)


def _read(file: Path, kind: Callable[..., Row]) -> tuple[Row, ...]:
    with file.open(newline="", encoding="utf-8") as opened:
        return tuple(_parse(row, kind, f"{file}:{line}") for line, row in enumerate(csv.DictReader(opened), 2))


def _parse(row: dict[str, str], kind: Callable[..., Row], place: str) -> Row:
    columns = {field.name: str(field.type) for field in fields(kind)}  # type: ignore[arg-type]
    try:
        return kind(**{name: _CELLS[column](row[name] or "") for name, column in columns.items()})
    except (KeyError, ValueError) as error:
        raise ValueError(f"Expected {place} to have a valid cell in each of {list(columns)}, got {error!r}.") from error


def _number_or_none(cell: str) -> float | None:
    return float(cell) if cell else None


_CELLS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "float | None": _number_or_none,
    "bool": lambda cell: bool(int(cell)),
}
