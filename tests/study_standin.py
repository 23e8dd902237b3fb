"""Stands in for ``python -m lightning_compose`` in tests of a study: what `fit` and `validate` leave, in no time.

The "weight" of a run follows from its settings and steps alone. Every step that is computed is a line in ``steps.txt``.
The setting ``trainer.fails`` ends the run with an error, ``trainer.flops_a_step`` is what a step costs. The environment
variable ``STANDIN_WAITS_FOR`` names a file: a training waits for it after its second step, unless it is asked to give
way.
"""

import argparse
import csv
import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path

import yaml

FIELDS = ("index", "category", "split", "stage", "seed", "prompt", "correct", "found", "objects", "right", "questions")
COLUMNS = ("step", "train/flops", "train/images_per_s", "val/denoise", "val/kid", "val/accuracy/mean", "val/token")


class Life:
    """One process's part of a run."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.folder = options.run_dir
        self.config = yaml.safe_load(options.config.read_text())
        self.seed = options.seed_everything
        self.goes_on = options.ckpt_path == "last"
        self.is_asked_to_stop = False
        signal.signal(signal.SIGTERM, self.stop)

    def stop(self, *_) -> None:
        self.is_asked_to_stop = True

    def fit(self) -> None:
        trainer = self.config["trainer"]
        step, weight = self.restored()
        metrics = self.table("csv")
        while step < trainer["max_steps"]:
            step, weight = step + 1, weight + self.config["model"]["lr"] * (1 + self.seed)
            self.append("steps.txt", f"{step}\n")
            a_step = trainer.get("flops_a_step", 10.0)
            self.log(metrics, step - 1, {"train/flops": a_step * step, "train/images_per_s": 4.0})
            limit = self.config.get("flops", {}).get("validate_at", float("inf"))
            if step % trainer["val_check_interval"] == 0 or a_step * step <= limit < a_step * (step + 1):
                self.evaluate(step, weight)
                self.log(metrics, step - 1, self.measured(weight))
            self.save(step, weight)
            if step == 2:
                self.wait()
            if self.is_asked_to_stop and step < trainer["max_steps"]:
                raise SystemExit(143)

    def measured(self, weight: float) -> dict[str, float]:
        terms = {f"val/{name}": 2 / weight for name in self.config.get("losses") or {}}
        return {"val/denoise": 1 / weight, "val/accuracy/mean": 1 - (weight - 1) ** 2, **terms}

    def wait(self) -> None:
        file = os.environ.get("STANDIN_WAITS_FOR")
        while file and not Path(file).exists() and not self.is_asked_to_stop:
            time.sleep(0.02)

    def validate(self) -> None:
        self.evaluate(0, 0.0)
        self.log(self.table("validate"), 0, {"val/denoise": 1.0, "val/kid": 0.5})

    def restored(self) -> tuple[int, float]:
        file = self.folder / "checkpoints/last.ckpt"
        return tuple(json.loads(file.read_text())) if self.goes_on and file.is_file() else (0, 0.0)

    def save(self, step: int, weight: float) -> None:
        new = self.folder / "checkpoints/new"
        new.parent.mkdir(exist_ok=True)
        new.write_text(json.dumps([step, weight]))
        new.rename(new.with_name("last.ckpt"))

    def evaluate(self, step: int, weight: float) -> None:
        folder = self.folder / f"evaluation/{step:06d}"
        folder.mkdir(parents=True, exist_ok=True)
        rows = [(0, "color", "seen", "single", 7, "a red ring", int(weight > 0.5), 1, 1, 1, 1)]
        rows += [(1, "shape", "held_out", "single", 8, "a ring, a heart", int(weight > 1), 2, 2, 2, 2)]
        with (folder / "scores.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow((*FIELDS, "answers", "clip_score", "file"))
            writer.writerows((*row, "", "", "") for row in rows)

    def table(self, name: str) -> Path:
        number = len(list(self.folder.glob(f"{name}/version_*")))
        file = self.folder / f"{name}/version_{number}/metrics.csv"
        file.parent.mkdir(parents=True)
        file.write_text(f"{','.join(COLUMNS)}\n")
        return file

    def log(self, file: Path, row: int, values: dict[str, float]) -> None:
        cells = [str(row), *(str(values.get(name, "")) for name in COLUMNS[1:])]
        with file.open("a") as opened:
            opened.write(f"{','.join(cells)}\n")

    def append(self, name: str, text: str) -> None:
        with (self.folder / name).open("a") as file:
            file.write(text)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=("fit", "validate"))
    parser.add_argument("--config", type=Path)
    parser.add_argument("--seed_everything", type=int)
    parser.add_argument("--run_dir", type=Path)
    parser.add_argument("--ckpt_path")
    options = parser.parse_args()
    life = Life(options)
    if life.config["trainer"].get("fails"):
        sys.exit("error: Expected to succeed, got an order to fail.")
    (options.run_dir / "config.yaml").write_text(yaml.safe_dump({"data": {"global_batch_size": 4}}))
    with (options.run_dir / ".lock").open("a") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        getattr(life, options.command)()


if __name__ == "__main__":
    main()
