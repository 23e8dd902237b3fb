"""What a run has logged, over all of its lives."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import yaml

from lightning_compose.callbacks.metric_curves import WEIGHTED, read_names, read_points
from lightning_compose.cli.run_folder import CONFIG_NAME
from lightning_compose.evaluation.results import FOLDER
from lightning_compose.evaluation.scores import SCORES
from lightning_compose.study.runs import Run
from lightning_compose.study.tables import Evaluated, Term

FLOPS, IMAGES_PER_S = "train/flops", "train/images_per_s"
MEASURED = {"kid": "val/kid", "clip_score": "val/clip_score", "val_denoise": "val/denoise"}

HELD_OUT, DENOISE = "val/", "denoise"

ByStep = dict[int, float]


def evaluated_steps(run: Run) -> list[int]:
    """Return the optimizer steps at which the run was evaluated."""
    folders = [each.parent.name for each in run.folder.glob(f"{FOLDER}/*/{SCORES}")]
    return sorted(int(each) for each in folders if each.isdecimal() and int(each) <= run.steps)


def evaluations(run: Run) -> list[Evaluated]:
    """Return what each evaluation of a run measured, and what the run had cost by then.

    Raises:
        ValueError: When the run did not log its cost.
    """
    logged = read_logged(run, [FLOPS, IMAGES_PER_S, *MEASURED.values()])
    if run.steps and not (logged[FLOPS] and logged[IMAGES_PER_S]):
        raise ValueError(
            f"Expected {run.name} to log {FLOPS} and {IMAGES_PER_S}, found neither or one in '{run.folder}'. Set "
            "`flops.count` to true, and leave `trainer.logger` alone."
        )
    return [_at(step, run, logged) for step in evaluated_steps(run)]


def terms(run: Run) -> list[Term]:
    """Return what the denoising loss and the run's losses came to on the validation samples, and what these measure."""
    losses = [DENOISE, *(run.config.get("losses") or {})]
    names = [name for name in read_names(_files(run)) if _is_of(losses, name)]
    logged = read_logged(run, names)
    return [
        Term(run.arm, run.seed, step, name.removeprefix(HELD_OUT), logged[name][_row(step)])
        for step in evaluated_steps(run)
        for name in names
        if _row(step) in logged[name]
    ]


def last_value(run: Run, metric: str) -> float:
    """Return what the run's last evaluation has logged.

    Raises:
        ValueError: When it has not logged this.
    """
    logged = read_logged(run, [metric])[metric]
    if _row(run.steps) not in logged:
        raise ValueError(
            f"Expected {run.name} to log {metric!r} at its last step, found it at {sorted(logged)}. Set "
            "`tuning.metric` to what a validation logs, such as val/accuracy/mean."
        )
    return logged[_row(run.steps)]


def read_logged(run: Run, metrics: list[str]) -> dict[str, ByStep]:
    """Return metrics by the number of their row."""
    return {name: dict(points) for name, points in read_points(_files(run), metrics).items()}


def steps_so_far(run: Run) -> int:
    """Return how many optimizer steps a run has logged; it may be running."""
    files = _files(run) if run.steps else []
    if not files:
        return 0
    with files[-1].open(newline="") as lines:
        steps = [row["step"] for row in csv.DictReader(lines)]
    return 1 + int(steps[-1]) if steps and steps[-1] else 0


def _at(step: int, run: Run, logged: dict[str, ByStep]) -> Evaluated:
    measured = {name: logged[metric].get(_row(step)) for name, metric in MEASURED.items()}
    flops = logged[FLOPS][_row(step)] if run.steps else 0.0
    return Evaluated(run.arm, run.seed, step, run.steps, flops, _seconds(step, run, logged[IMAGES_PER_S]), **measured)


def _seconds(step: int, run: Run, images_per_s: ByStep) -> float:
    if not run.steps:
        return 0.0
    images = yaml.safe_load((run.folder / CONFIG_NAME).read_text())["data"]["global_batch_size"]
    rows = [row for row in sorted(images_per_s) if row <= _row(step)]
    # What is logged every so many steps stands for those before it.
    lengths = (row - before for before, row in zip([-1, *rows], rows, strict=False))
    return sum(length * images / images_per_s[row] for length, row in zip(lengths, rows, strict=True))


def _is_of(losses: Iterable[str], name: str) -> bool:
    told = [name == f"{HELD_OUT}{loss}" or name.startswith(f"{HELD_OUT}{loss}_") for loss in losses]
    return any(told) and not name.endswith(WEIGHTED)


def _row(step: int) -> int:
    """Return the number under which the CSVLogger keeps what belongs to an optimizer step; it counts from 0."""
    return max(step - 1, 0)


def _files(run: Run) -> list[Path]:
    """Return the tables of all lives; of a measurement, which begins anew each time, that of the last."""
    folder = run.folder / ("csv" if run.steps else "validate")
    found = sorted(folder.glob("version_*/metrics.csv"), key=lambda each: int(each.parent.name.split("_")[1]))
    return found if run.steps else found[-1:]
