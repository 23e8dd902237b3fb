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
LOSS_COLOR, LANE_SHARE = "tab:purple", 0.85


def draw_timeline(
    schedule: Schedule, max_steps: int, weights: Mapping[str, float], learning_rate: Callable[[int], float] | None
) -> Image.Image:
    """Draw the mixture of the samples, the losses' effective weights and the learning rate over the optimizer steps.

    Args:
        schedule: Of the whole plan.
        max_steps: Where the run stops; what lies beyond is hatched.
        weights: Each loss's own weight, by name.
        learning_rate: By step, without the stages' factors; None = not drawn.
    """
    even = np.linspace(0, schedule.steps - 1, MOST_POINTS).round().astype(np.int64)
    # Both sides of every transition, however many steps lie between two points.
    ends = np.array(schedule.ends)
    steps = np.unique(np.concatenate([even, ends - 1, ends[:-1]]))
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
    axes.legend(title="samples of", fontsize="small", title_fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))


def _draw_weights(axes: Axes, schedule: Schedule, steps: Steps, weights: Mapping[str, float]) -> None:
    """Draw a lane for each loss: weights differ by orders of magnitude, and equal ones would hide each other."""
    factors = [schedule.loss_factors(step) for step in steps.tolist()]
    for lane, (name, weight) in enumerate(weights.items()):
        of_loss = np.array([each.get(name, 1.0) for each in factors])
        heights = LANE_SHARE * of_loss / max(of_loss.max(), 1.0) if weight else np.zeros(len(steps))
        x, y = _as_stairs(steps, schedule.steps, heights)
        axes.fill_between(x, lane, lane + y, color=LOSS_COLOR, alpha=0.5, linewidth=0)
        for middle in _label_places(schedule):
            effective = weight * schedule.loss_factors(int(middle)).get(name, 1.0)
            label = f"{effective:.3g}" if effective else "off"
            axes.annotate(label, (middle, lane), (0, 3), "data", "offset points", ha="center", fontsize="small")
    axes.set(ylabel="weight in the loss", ylim=(0, len(weights)))
    axes.set_yticks(np.arange(len(weights)) + LANE_SHARE / 2, list(weights))
    axes.tick_params(axis="y", length=0)


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
    axes.grid(axis="x", alpha=0.3)
    if schedule.kind != "mixed":
        for end in schedule.ends[:-1]:
            axes.axvline(end, color="black", linewidth=0.8, linestyle="--")
    if max_steps < schedule.steps:
        axes.axvspan(max_steps, schedule.steps, facecolor="white", alpha=0.7, hatch="//", edgecolor="grey", zorder=3)


def _name_stages(axes: Axes, schedule: Schedule) -> None:
    if schedule.kind == "mixed":
        axes.set_title("mixed: no stages, the same at every step", fontsize="medium")
        return
    for name, length, middle in zip(schedule.stages, schedule.lengths, _label_places(schedule), strict=True):
        text = f"{name}\n{length:,} steps"
        axes.annotate(text, (middle, 1), (0, 4), "data", "offset points", ha="center", va="bottom", fontsize="small")


def _label_places(schedule: Schedule) -> list[float]:
    if schedule.kind == "mixed":
        return [schedule.steps / 2]
    return [end - length / 2 for length, end in zip(schedule.lengths, schedule.ends, strict=True)]


def _rendered(figure: Figure) -> Image.Image:
    file = BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return Image.open(file).convert("RGB")
