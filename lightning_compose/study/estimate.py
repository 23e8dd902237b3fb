"""What a study will take, in runs, steps and evaluations: known before anything starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning_compose.cli.config_files import Config
from lightning_compose.study.runs import Run, plan
from lightning_compose.study.settings import Study
from lightning_compose.study.tables import BASE


@dataclass(frozen=True, slots=True)
class Effort:
    """What some runs take.

    Args:
        runs: How many.
        steps: Optimizer steps of all.
        evaluations: At most: a cheap arm is not evaluated once more for the comparison at equal cost.
        images: That these draw.
    """

    runs: int = 0
    steps: int = 0
    evaluations: int = 0
    images: int = 0

    def __add__(self, other: Effort) -> Effort:
        return Effort(
            self.runs + other.runs,
            self.steps + other.steps,
            self.evaluations + other.evaluations,
            self.images + other.images,
        )


def effort(runs: Iterable[Run]) -> Effort:
    """Return what runs take from their beginning to their end."""
    return sum(map(_of_run, runs), Effort())


def all_runs(study: Study, out: Path) -> list[Run]:
    """Return all runs but tries, those that wait for values or for the reference, too.

    What decides about their cost is as it will be; tuned values and the cost to be evaluated at are not.
    """
    return plan(study, out, {arm.name: {} for arm in study.arms}, cost=0.0)


def effort_rows(tried: Sequence[Run], runs: Sequence[Run]) -> list[tuple[str, ...]]:
    """Tell what the tries and runs of a study take, and in the last row what is left of it, below a header."""
    together = [*tried, *runs]
    left = [run for run in together if not run.is_done]
    parts = {"tuning": tried, "runs": runs, "all": together, "not done yet": left}
    header = ("", "runs", "steps", "evaluations", "images")
    return [header, *(_row(name, effort(each)) for name, each in parts.items())]


def _row(name: str, each: Effort) -> tuple[str, ...]:
    return name, *(f"{number:,}" for number in (each.runs, each.steps, each.evaluations, each.images))


def _of_run(run: Run) -> Effort:
    evaluations = _evaluations(run)
    return Effort(1, run.steps, evaluations, evaluations * _prompts(run.config))


def _evaluations(run: Run) -> int:
    if run.arm == BASE:
        return 1
    is_read_at_equal_cost = "validate_at" in (run.config.get("flops") or {})
    return run.steps // int(run.config["trainer"]["val_check_interval"]) + is_read_at_equal_cost


def _prompts(config: Config) -> int:
    file = Path(config["evaluation"]["prompts"])
    return sum(bool(line.strip()) for line in file.read_text(encoding="utf-8").splitlines()) if file.is_file() else 0
