"""Metrics over all lives of a run: read from what the CSVLogger wrote, drawn as lines."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lightning.pytorch import Trainer
    from matplotlib.axes import Axes

WEIGHTED = "_weighted"
"""How the name of a term ends where its weight is in it."""
Points = list[tuple[int, float]]


def metric_files(trainer: Trainer) -> list[Path]:
    """Write out what the CSVLogger holds and return its files, one a life, in order; none without such a logger."""
    # Not above: a study reads what its runs have logged without the seconds that torch takes.
    from lightning.pytorch.loggers import CSVLogger

    logger = next((each for each in trainer.loggers if isinstance(each, CSVLogger)), None)
    if logger is None:
        return []
    logger.save()
    return sorted(Path(logger.root_dir).glob("version_*/metrics.csv"), key=_life)


def read_names(files: Sequence[Path]) -> list[str]:
    """Return the names of all metrics, in the order in which they first occur."""
    names: dict[str, None] = {}
    for file in files:
        with file.open(newline="") as lines:
            names |= dict.fromkeys(next(csv.reader(lines), []))
    return list(names)


def read_points(files: Sequence[Path], metrics: Sequence[str]) -> dict[str, Points]:
    """Read each metric's (step, value) from one CSV file a life, in the order of the lives.

    A life that was resumed before the end of the one before replaces what that one logged later on; at its own first
    step it may begin with a validation that was made up for, and then replaces that alone.
    """
    points: dict[str, Points] = {name: [] for name in metrics}
    for file in files:
        with file.open(newline="") as lines:
            rows = list(csv.DictReader(lines))
        first_step = min((int(row["step"]) for row in rows), default=0)
        for name in metrics:
            new = [(int(row["step"]), float(row[name])) for row in rows if row.get(name)]
            begin = first_step if new and new[0][0] == first_step else first_step + 1
            points[name] = [each for each in points[name] if not rows or each[0] < begin] + new
    return points


def draw_line(axes: Axes, points: Points, name: str, color: str | None = None) -> None:
    """Draw one metric; a long one faint, with its running mean over it.

    Args:
        axes: Where.
        points: At least one.
        name: In the legend.
        color: None = the next of matplotlib's.
    """
    steps, values = np.array(points).T
    window = max(1, len(values) // 10)
    if window == 1:
        axes.plot(steps, values, label=name, marker=".", color=color)
        return
    (line,) = axes.plot(steps, values, alpha=0.25, color=color)
    label = f"{name}, mean of {window}"
    axes.plot(steps, running_mean(values, window), color=line.get_color(), label=label)


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Return the mean of each value and the up to `window` - 1 before it.

    >>> running_mean(np.array([1.0, 3.0, 5.0]), 2)
    array([1., 2., 4.])
    """
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)


def _life(file: Path) -> int:
    return int(file.parent.name.removeprefix("version_"))
