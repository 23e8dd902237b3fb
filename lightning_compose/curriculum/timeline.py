"""The plan of a run as a picture: whose samples, which losses and what learning rate at which step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from lightning_compose.curriculum.schedule import Schedule, Steps

WIDTH_INCHES, PANEL_INCHES = 9.0, 2.1
MOST_POINTS = 1000


def draw_timeline(
    schedule: Schedule, max_steps: int, weights: Mapping[str, float], learning_rate: Callable[[int], float] | None
) -> Image.Image:
    """Draw the mixture of the samples, the losses' effective weights and the learning rate over the optimizer steps.

    Args:
        schedule: Of the whole plan.
        max_steps: Where the run stops; what lies beyond is shaded.
        weights: Each loss's own weight, by name.
        learning_rate: By step, without the stages' factors; None = not drawn.
    """
    steps = np.unique(np.linspace(0, schedule.steps - 1, MOST_POINTS).round().astype(np.int64))
    panels: list[Callable[[Axes], None]] = [lambda axes: _draw_mixture(axes, schedule, steps)]
    if weights:
        panels.append(lambda axes: _draw_weights(axes, schedule, steps, weights))
    if learning_rate is not None:
        panels.append(lambda axes: _draw_rate(axes, schedule, steps, learning_rate))
    figure = Figure(figsize=(WIDTH_INCHES, PANEL_INCHES * len(panels) + 0.7), layout="constrained")
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False).flatten()
    for axes, draw in zip(grid, panels, strict=True):
        draw(axes)
        _mark_stages(axes, schedule, max_steps)
    _name_stages(grid[0], schedule)
    grid[-1].set_xlabel("optimizer step")
    grid[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return _rendered(figure)


def _draw_mixture(axes: Axes, schedule: Schedule, steps: Steps) -> None:
    sizes = zip(schedule.stages, schedule.pool_sizes, strict=True)
    labels = [f"{name} ({size:,})" for name, size in sizes]
    x, shares = _as_stairs(steps, schedule.steps, schedule.mixture(steps))
    axes.stackplot(x, *shares.T, labels=labels, alpha=0.75)
    axes.set(ylabel="share of samples", ylim=(0, 1))
    _legend(axes, "samples of")


def _draw_weights(axes: Axes, schedule: Schedule, steps: Steps, weights: Mapping[str, float]) -> None:
    factors = [schedule.loss_factors(step) for step in steps.tolist()]
    for name, weight in weights.items():
        values = np.array([weight * each.get(name, 1.0) for each in factors])
        # A gap where the loss is off: it has no place on a logarithmic axis.
        x, y = _as_stairs(steps, schedule.steps, np.where(values > 0, values, np.nan))
        axes.plot(x, y, label=f"{name} ({weight:g})", linewidth=2)
    axes.set(ylabel="weight in the loss", yscale="log")
    _legend(axes, "loss (own weight)")


def _draw_rate(axes: Axes, schedule: Schedule, steps: Steps, learning_rate: Callable[[int], float]) -> None:
    rates = np.array([learning_rate(step) * schedule.lr_factor(step) for step in steps.tolist()])
    x, y = _as_stairs(steps, schedule.steps, rates)
    axes.plot(x, y, color="black")
    axes.set(ylabel="learning rate", ylim=(0, None))
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))


def _as_stairs(steps: Steps, end: int, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of a line that holds each value from its step to the next: a stage begins on an edge."""
    edges = np.append(steps, end)
    return np.stack([edges[:-1], edges[1:]], axis=1).ravel(), np.repeat(values, 2, axis=0)


def _mark_stages(axes: Axes, schedule: Schedule, max_steps: int) -> None:
    axes.set_xlim(0, schedule.steps)
    axes.grid(alpha=0.3)
    if schedule.kind != "mixed":
        for end in schedule.ends[:-1]:
            axes.axvline(end, color="black", linewidth=0.8, linestyle="--")
    if max_steps < schedule.steps:
        axes.axvspan(max_steps, schedule.steps, color="black", alpha=0.25)


def _name_stages(axes: Axes, schedule: Schedule) -> None:
    if schedule.kind == "mixed":
        axes.set_title("mixed: no stages, the same at every step", fontsize="medium")
        return
    for name, length, end in zip(schedule.stages, schedule.lengths, schedule.ends, strict=True):
        text = f"{name}\n{length:,} steps"
        axes.annotate(
            text, (end - length / 2, 1), (0, 4), "data", "offset points", ha="center", va="bottom", fontsize="small"
        )


def _legend(axes: Axes, title: str) -> None:
    axes.legend(title=title, fontsize="small", title_fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))


def _rendered(figure: Figure) -> Image.Image:
    file = BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return Image.open(file).convert("RGB")
