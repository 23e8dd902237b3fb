"""How well the candidates show their captions, category by category, as a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lightning_compose.data.schema import CATEGORIES
from lightning_compose.prepare.result import Result

BINS = 10
COLUMNS = 4
PANEL_INCHES = (3.1, 2.2)
ALL, KEPT = "0.75", "C0"


def alignments(results: Sequence[Result]) -> dict[str, tuple[list[float], list[float]]]:
    """Return by category the alignment of all candidates, and of those that were kept.

    Args:
        results: Of the prompts that have candidates; those that nobody asked about are left out.
    """
    found: dict[str, tuple[list[float], list[float]]] = {each: ([], []) for each in CATEGORIES}
    for result in (each for each in results if each.verified.questions):
        of_all, of_kept = found[result.prompt.category]
        of_all += [each.alignment for each in result.verified.candidates]
        of_kept += [result.positive.alignment] if result.positive is not None else []
    return {category: both for category, both in found.items() if both[0]}


def draw_histograms(found: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Figure:
    """Draw a panel a category.

    Args:
        found: As `alignments` returns it, one category at least.
    """
    rows = math.ceil(len(found) / COLUMNS)
    columns = min(COLUMNS, len(found))
    width, height = PANEL_INCHES
    # Wide enough for the legend, however few panels.
    figure = Figure(figsize=(max(2, columns) * width, rows * height + 0.5), layout="constrained")
    for number, (category, (of_all, of_kept)) in enumerate(found.items(), 1):
        axes = figure.add_subplot(rows, columns, number, title=category, xlim=(0, 1))
        edges = np.linspace(0, 1, BINS + 1).tolist()
        axes.hist(of_all, edges, color=ALL, label="all candidates")
        axes.hist(of_kept, edges, color=KEPT, label="kept as positives")
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    figure.supxlabel("share of right answers")
    return figure
