"""The loss over all lives of a run, as a picture."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lightning_compose.callbacks.every_n_steps import EveryNSteps

Points = list[tuple[int, float]]


class LossCurve(EveryNSteps):
    """Draw ``loss_curve.png`` in the run's folder from what the CSVLogger wrote, in this life and those before.

    Args:
        every_n_steps: Optimizer steps between two drawings; 0 = only at the end.
        metrics: What to draw, as logged.
    """

    def __init__(self, every_n_steps: int = 500, metrics: Sequence[str] = ("train/loss", "val/loss")) -> None:
        super().__init__(every_n_steps)
        self.metrics = metrics

    def act(self, trainer: Trainer, pl_module: LightningModule) -> None:
        logger = next((each for each in trainer.loggers if isinstance(each, CSVLogger)), None)
        if logger is None or not trainer.is_global_zero:
            return
        logger.save()
        files = sorted(Path(logger.root_dir).glob("version_*/metrics.csv"), key=_life)
        draw(read_points(files, self.metrics), Path(trainer.default_root_dir) / "loss_curve.png")


def read_points(files: Sequence[Path], metrics: Sequence[str]) -> dict[str, Points]:
    """Read each metric's (step, value) from one CSV file a life, in the order of the lives.

    A life that was resumed before the end of the one before replaces what that one logged later on.
    """
    points: dict[str, Points] = {name: [] for name in metrics}
    for file in files:
        with file.open(newline="") as lines:
            rows = list(csv.DictReader(lines))
        first_step = min((int(row["step"]) for row in rows), default=0)
        for name in metrics:
            kept = [point for point in points[name] if point[0] < first_step] if rows else points[name]
            points[name] = kept + [(int(row["step"]), float(row[name])) for row in rows if row.get(name)]
    return points


def draw(points: Mapping[str, Points], file: Path) -> None:
    """Draw one line a metric; a long one faint, with its running mean over it."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot(xlabel="optimizer step", ylabel="loss")
    for name, series in points.items():
        if series:
            steps, values = np.array(series).T
            _draw_line(axes, name, steps, values)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
    figure.savefig(file, dpi=120)


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Return the mean of each value and the up to `window` - 1 before it.

    >>> running_mean(np.array([1.0, 3.0, 5.0]), 2)
    array([1., 2., 4.])
    """
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)


def _draw_line(axes: object, name: str, steps: np.ndarray, values: np.ndarray) -> None:
    window = max(1, len(values) // 10)
    if window == 1:
        axes.plot(steps, values, label=name, marker=".")  # type: ignore[attr-defined]
        return
    (line,) = axes.plot(steps, values, alpha=0.25)  # type: ignore[attr-defined]
    axes.plot(  # type: ignore[attr-defined]
        steps, running_mean(values, window), color=line.get_color(), label=f"{name}, mean of {window}"
    )


def _life(file: Path) -> int:
    return int(file.parent.name.removeprefix("version_"))
