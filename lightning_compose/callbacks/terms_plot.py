"""The terms of the loss, each in a panel of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lightning_compose.callbacks.metric_curves import WEIGHTED, Points, draw_line, running_mean

SPLITS = {"train": "C0", "val": "C1"}
NO_TERMS = {"lr", "grad_norm", "images_per_s", "stage", "bad_samples"}
FIRST = ("loss", "denoise")
COLUMNS = 3
PANEL_INCHES = (4.0, 2.6)


def metrics_of_terms(logged: Sequence[str]) -> list[str]:
    """Choose what `draw_terms` draws: the loss, its terms and what they measure, in training and validation.

    Args:
        logged: Names of all metrics.

    Returns:
        Those to read; none where denoising is the only term.

    >>> metrics_of_terms(["train/lr", "train/loss", "train/token", "train/token_weighted", "val/token", "epoch"])
    ['train/loss', 'train/token', 'train/token_weighted', 'val/token']
    """
    if not any(name.startswith("train/") and name.endswith(WEIGHTED) for name in logged):
        return []
    splits = [(name, *name.split("/", 1)) for name in logged if "/" in name]
    return [name for name, split, metric in splits if split in SPLITS and metric not in NO_TERMS]


def draw_terms(points: Mapping[str, Points], file: Path) -> None:
    """Draw a panel for each term and measure, training and validation together, and one for the terms' shares.

    Args:
        points: (step, value) by metric, such as ``train/token``.
        file: A PNG.
    """
    panels = panel_names(points)
    rows = math.ceil((len(panels) + 1) / COLUMNS)
    width, height = PANEL_INCHES
    figure = Figure(figsize=(COLUMNS * width, rows * height), layout="constrained")
    grid = figure.subplots(rows, COLUMNS, squeeze=False).flatten()
    for axes, name in zip(grid, panels, strict=False):
        _draw_panel(axes, name, points)
    _draw_shares(grid[len(panels)], points)
    for axes in grid[: len(panels) + 1]:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    for axes in grid[len(panels) + 1 :]:
        axes.set_axis_off()
    figure.supxlabel("optimizer step")
    figure.savefig(file, dpi=120)


def panel_names(metrics: Sequence[str] | Mapping[str, Points]) -> list[str]:
    """Return what has a panel: each name once without its split, the loss first, each term before its measures.

    >>> panel_names(["val/loss", "train/token_in_mask_share", "train/token", "train/token_weighted", "train/loss"])
    ['loss', 'token', 'token_in_mask_share']
    """
    names = {metric.split("/", 1)[1] for metric in metrics if not metric.endswith(WEIGHTED)}
    return [name for name in FIRST if name in names] + sorted(names - set(FIRST))


def loss_shares(points: Mapping[str, Points]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the steps, and for each term how much of the loss's magnitude it makes up at each of them.

    A term that is off at a step has no part in it.
    """
    terms = {"denoise": dict(points.get("train/denoise", ()))}
    terms |= {
        name.removeprefix("train/").removesuffix(WEIGHTED): dict(series)
        for name, series in points.items()
        if name.startswith("train/") and name.endswith(WEIGHTED)
    }
    steps = sorted(set().union(*terms.values()))
    values = {name: np.array([abs(series.get(step, 0.0)) for step in steps]) for name, series in terms.items()}
    total = np.maximum(sum(values.values()), np.finfo(float).tiny)
    return np.array(steps), {name: each / total for name, each in values.items()}


def _draw_panel(axes: Axes, name: str, points: Mapping[str, Points]) -> None:
    axes.set_title(name)
    for split, color in SPLITS.items():
        finite = [point for point in points.get(f"{split}/{name}", ()) if math.isfinite(point[1])]
        if finite:
            draw_line(axes, finite, split, color)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize="small")


def _draw_shares(axes: Axes, points: Mapping[str, Points]) -> None:
    steps, shares = loss_shares(points)
    window = max(1, len(steps) // 10)
    axes.set_title("share of the training loss")
    axes.stackplot(steps, *(running_mean(each, window) for each in shares.values()), labels=shares, alpha=0.8)
    axes.set_ylim(0, 1)
    axes.legend(fontsize="small", loc="lower left")
