"""The runs of a study: what each trains, where it lies, whether it is done.

A run's folder is one as `fit` makes it, with these files more::

    run.yaml         the configuration of its latest life, written by the study
    settings.json    the same without the folders of this machine, and the content of the files that it names: a run
                     goes on with these settings or not at all
    lives.jsonl      a line each life: when it began, machine, versions, threads, runs side by side
    done.json        written last
    log.txt          what all its lives printed
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lightning_compose.cli.config_files import Config, merge, without_null_losses
from lightning_compose.cli.run_folder import last_checkpoint
from lightning_compose.data.durable import replaced
from lightning_compose.evaluation.results import FOLDER
from lightning_compose.evaluation.scores import SCORES
from lightning_compose.study.content import content_of
from lightning_compose.study.provenance import now
from lightning_compose.study.settings import Arm, Study
from lightning_compose.study.steps import with_steps
from lightning_compose.study.tables import BASE, BASE_SEED

PROGRAM = (sys.executable, "-m", "lightning_compose")
CONFIG, SETTINGS, DONE, LOG = "run.yaml", "settings.json", "done.json", "log.txt"
# Its losses are measured, too: where the arms that train them begin.
UNTRAINED: Config = {"curriculum": None}


@dataclass(frozen=True)
class Run:
    """One training, or the measurement of the untrained model.

    Args:
        name: For people: ``plain:0``.
        arm: As in the study's config, or `BASE`.
        seed: Of the training.
        folder: Of the run.
        config: All of its settings.
        steps: Optimizer steps; 0 = it is measured only.
        home: Folder that paths in its settings are told relative to.
    """

    name: str
    arm: str
    seed: int
    folder: Path
    config: Config
    steps: int
    home: Path

    @property
    def command(self) -> tuple[str, ...]:
        """What starts the run, or goes on with it."""
        subcommand, going_on = ("fit", ("--ckpt_path", "last")) if self.steps else ("validate", ())
        settings = ("--seed_everything", str(self.seed), "--run_dir", str(self.folder))
        return (*PROGRAM, subcommand, "--config", str(self.folder / CONFIG), *settings, *going_on)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return (self.folder / DONE).is_file()

    @property
    def settings(self) -> Config:
        """What decides about the results: its configuration and what that names, the same on every machine."""
        config = portable(self.config, self.home)
        return {"seed": self.seed, "steps": self.steps, "config": config, "content": content_of(self.config)}


def plan(study: Study, out: Path, chosen: Mapping[str, Config], cost: float | None) -> list[Run]:
    """Return the runs that can begin, in their order: the untrained model, then each seed of all arms.

    Args:
        study: What is run.
        out: The study's folder.
        chosen: By arm, the values that tuning has chosen; an arm without an entry waits for them.
        cost: FLOPs of the reference: where all others are evaluated once more, to be compared at equal cost. None =
            not known yet: they wait.
    """
    untrained = without_null_losses(merge(study.common, UNTRAINED))
    base = Run(BASE, BASE, BASE_SEED, out / BASE, untrained, 0, study.home)
    arms = [arm for arm in study.arms if arm.name in chosen and (arm.name == study.reference or cost is not None)]
    return [base, *(_trained(study, arm, seed, out, chosen[arm.name], cost) for seed in study.seeds for arm in arms)]


def reference_cost(study: Study, out: Path) -> float | None:
    """Return the FLOPs of the reference's first run; None where it is not done."""
    file = _folder(out, study.reference, study.seeds[0]) / DONE
    return float(json.loads(file.read_text(encoding="utf-8"))["flops"]) if file.is_file() else None


def _trained(study: Study, arm: Arm, seed: int, out: Path, values: Config, cost: float | None) -> Run:
    config = with_steps(without_null_losses(merge(merge(study.common, arm.config), values)), study.steps, arm.name)
    if arm.name != study.reference:
        config = merge(config, {"flops": {"validate_at": cost}})
    return Run(f"{arm.name}:{seed}", arm.name, seed, _folder(out, arm.name, seed), config, study.steps, study.home)


def _folder(out: Path, arm: str, seed: int) -> Path:
    return out / arm / str(seed)


def portable(value: Any, home: Path) -> Any:
    """Return settings with the files of this machine told relative to `home`."""
    if isinstance(value, dict):
        return {key: portable(each, home) for key, each in value.items()}
    if isinstance(value, list):
        return [portable(each, home) for each in value]
    if isinstance(value, str) and os.path.isabs(value):
        return os.path.relpath(value, home)
    return value


# -- the life of a run -----------------------------------------------------------------------------------


def require_same_settings(run: Run) -> None:
    """Check that what lies in the run's folder was made with its settings.

    Raises:
        ValueError: When it was made with others; names them.
    """
    file = run.folder / SETTINGS
    # What has no checkpoint yet begins anew in any case.
    if not file.is_file() or not (run.is_done or last_checkpoint(str(run.folder))):
        return
    before, now = json.loads(file.read_text(encoding="utf-8")), json.loads(json.dumps(run.settings))
    changed = _differing(before, now)
    if changed:
        raise ValueError(
            f"Expected the run {run.name} to go on with the settings that it began with, got others in "
            f"{sorted(changed)}. Set them back, take another --out, or move '{run.folder}' away to run it anew."
        )


def begin(run: Run) -> None:
    """Write the run's configuration into its folder."""
    run.folder.mkdir(parents=True, exist_ok=True)
    write_json(run.folder / SETTINGS, run.settings)
    with replaced(run.folder / CONFIG) as file:
        # In their order: that of the stages means something.
        file.write(yaml.safe_dump(run.config, sort_keys=False).encode())


def require_evaluated(run: Run) -> None:
    """Check that a run that ended in order has left its last evaluation.

    Raises:
        FileNotFoundError: When it has not.
    """
    file = run.folder / FOLDER / f"{run.steps:06d}" / SCORES
    if not file.is_file():
        raise FileNotFoundError(f"Expected {run.name} to leave '{file}', found no such file. See {LOG} beside it.")


def finish(run: Run, flops: float, seconds: float) -> None:
    """Mark a run as done."""
    settings = json.dumps(run.settings, sort_keys=True)
    cost = {"seconds": round(seconds, 3), "flops": flops, "ended": now()}
    digest = hashlib.sha256(settings.encode()).hexdigest()
    what = {"arm": run.arm, "seed": run.seed, "steps": run.steps, "config_sha256": digest}
    write_json(run.folder / DONE, what | cost)


def write_json(file: Path, content: Any) -> None:
    """Write a file that is whole or not there."""
    with replaced(file) as opened:
        opened.write(f"{json.dumps(content, indent=2)}\n".encode())


def _differing(before: Any, now: Any, key: str = "") -> set[str]:
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return set() if before == now else {key or "all"}
    keys = before.keys() | now.keys()
    return set().union(*(_differing(before.get(each), now.get(each), f"{key}.{each}".lstrip(".")) for each in keys))
