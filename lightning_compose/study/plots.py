"""The pictures of a study: categories, differences, and the course of the training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from lightning_compose.evaluation.comparison import MEAN
from lightning_compose.evaluation.prompts import COMPOSITIONAL, SPLITS
from lightning_compose.study.conclusions import told_split
from lightning_compose.study.course import Point
from lightning_compose.study.findings import Reached
from lightning_compose.study.statistics import Estimate
from lightning_compose.study.tables import BASE

GREY = "0.6"
MEAN_TICK = "mean"
PERCENT = 100
LEAST_TOP_PERCENT = 10


def draw_categories(reached: Reached) -> Figure:
    """Draw a bar an arm for each category and their mean, with its interval, a row a split."""
    figure = Figure(figsize=(12, 7), layout="constrained")
    for number, split in enumerate(SPLITS, 1):
        axes = figure.add_subplot(len(SPLITS), 1, number, ylabel="% right", title=_told(split))
        names = [name for name in (*COMPOSITIONAL, MEAN) if reached.measure(name, split)]
        for place, arm in enumerate(reached.arms):
            _draw_bars(axes, [reached.of(arm, name, split) for name in names], place, reached.arms)
        axes.set_xticks(range(len(names)), [MEAN_TICK if name == MEAN else name for name in names])
        # Where all are 0, an axis fitted to them would reach below.
        axes.set_ylim(0, max(LEAST_TOP_PERCENT, axes.get_ylim()[1]))
        axes.grid(axis="y", alpha=0.3)
    _legend_below(figure)
    return figure


def draw_differences(reached: Reached, reference: str) -> Figure:
    """Draw each arm's difference from the reference as a point with its interval, a column a split."""
    arms = [arm for arm in reached.arms if arm != reference]
    figure = Figure(figsize=(10, 1.2 + 0.4 * len(arms)), layout="constrained")
    axes: Axes | None = None
    for number, split in enumerate(SPLITS, 1):
        axes = figure.add_subplot(1, len(SPLITS), number, title=_told(split), sharex=axes, sharey=axes)
        for place, arm in enumerate(arms):
            _draw_difference(axes, reached.of(arm, MEAN, split), place, _color(arm, reached.arms))
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_yticks(range(len(arms)), arms)
        axes.set_xlabel(f"points above {reference}")
        axes.grid(axis="x", alpha=0.3)
        axes.label_outer()
    if axes is not None:
        axes.invert_yaxis()
    return figure


def draw_over_steps(courses: Mapping[str, Mapping[str, Sequence[Point]]]) -> Figure:
    """Draw accuracy over optimizer steps.

    Args:
        courses: Of each arm, by split.
    """
    return _draw_courses(courses, "optimizer steps", lambda point: point.step)


def draw_over_flops(courses: Mapping[str, Mapping[str, Sequence[Point]]]) -> Figure:
    """Draw accuracy over the FLOPs of the training.

    Args:
        courses: Of each arm, by split.
    """
    figure = _draw_courses(courses, "cost of the training", lambda point: point.flops)
    for axes in figure.axes:
        axes.xaxis.set_major_formatter(EngFormatter(unit="FLOP"))
    return figure


def _draw_courses(
    courses: Mapping[str, Mapping[str, Sequence[Point]]], label: str, place: Callable[[Point], float]
) -> Figure:
    figure = Figure(figsize=(12, 5), layout="constrained")
    axes: Axes | None = None
    for number, (split, arms) in enumerate(courses.items(), 1):
        axes = figure.add_subplot(1, len(courses), number, xlabel=label, title=_told(split), sharey=axes)
        for arm, points in arms.items():
            _draw_course(axes, arm, points, place, _color(arm, list(arms)))
        axes.set_ylabel("% right, mean of the categories")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
        axes.grid(alpha=0.3)
        axes.label_outer()
    _legend_below(figure)
    return figure


def _draw_course(axes: Axes, arm: str, points: Sequence[Point], place: Callable[[Point], float], color: Any) -> None:
    places = [place(point) for point in points]
    mean, low, high = (
        PERCENT * np.array(values) for values in zip(*((p.mean, p.lowest, p.highest) for p in points), strict=True)
    )
    axes.plot(places, mean, marker=".", color=color, label=arm)
    axes.fill_between(places, low, high, color=color, alpha=0.08, linewidth=0)


def _draw_bars(axes: Axes, estimates: Sequence[Estimate | None], place: int, arms: Sequence[str]) -> None:
    width = 0.8 / len(arms)
    known = [(index, each) for index, each in enumerate(estimates) if each is not None]
    xs = [index + (place - (len(arms) - 1) / 2) * width for index, _ in known]
    means = PERCENT * np.array([each.mean for _, each in known])
    ends = PERCENT * np.array([each.interval for _, each in known]).T
    error = {"elinewidth": 0.8, "ecolor": "0.25"}
    color = _color(arms[place], arms)
    axes.bar(xs, means, width, yerr=_lengths(means, ends), color=color, label=arms[place], error_kw=error)


def _draw_difference(axes: Axes, each: Estimate | None, place: int, color: Any) -> None:
    if each is None or each.difference is None:
        return
    value = PERCENT * each.difference.value
    for interval, width in ((each.difference.family_interval, 1.0), (each.difference.interval, 3.0)):
        lengths = _lengths(np.array([value]), PERCENT * np.array([interval]).T)
        axes.errorbar([value], [place], xerr=lengths, fmt="o", color=color, elinewidth=width)


def _lengths(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    # A mean of few prompts may lie a rounding error outside of its interval.
    return np.maximum([values - ends[0], ends[1] - values], 0)


def _color(arm: str, arms: Sequence[str]) -> Any:
    trained = [each for each in arms if each != BASE]
    return GREY if arm == BASE else colormaps["tab10" if len(trained) <= 10 else "tab20"](trained.index(arm))


def _legend_below(figure: Figure) -> None:
    if figure.axes and (handles := figure.axes[0].get_legend_handles_labels())[0]:
        figure.legend(*handles, loc="outside lower center", ncols=min(6, len(handles[0])))


def _told(split: str) -> str:
    return f"{told_split(split)} compositions"
