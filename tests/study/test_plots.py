"""Plots: what is drawn where, read back from the figures."""

import numpy as np
import pytest
from made_study import made_study

from lightning_compose.evaluation.comparison import MEAN
from lightning_compose.study import plots
from lightning_compose.study.course import course
from lightning_compose.study.findings import find

TABLES = made_study({"base": 0.2, "plain": 0.4, "dear": 0.8}, seeds=2, prompts=3, costs={"dear": 1.5})


@pytest.fixture(scope="module")
def reached():
    return find(TABLES).equal_steps


def labels(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_bar_an_arm_and_category(reached):
    figure = plots.draw_categories(reached)
    seen = figure.axes[0]
    assert labels(figure) == ["base", "plain", "dear"]
    assert len(seen.patches) == 3 * 9
    assert seen.patches[-1].get_height() == pytest.approx(100 * reached.of("dear", MEAN, "seen").mean)
    # No bar lies on another.
    lefts = np.sort([bar.get_x() for bar in seen.patches])
    assert np.diff(lefts).min() > 0.99 * seen.patches[0].get_width()


@pytest.mark.parametrize(("chance", "top"), [(-1.0, 10), (2.0, 100)])
def test_the_axis_of_the_categories_begins_at_0(chance, top):
    seen = plots.draw_categories(find(made_study({"plain": chance}, seeds=2, prompts=2)).equal_steps).axes[0]
    low, high = seen.get_ylim()
    assert low == 0
    assert top <= high < 2 * top


def test_differences_are_drawn_with_both_intervals(reached):
    left, axes = plots.draw_differences(reached, "plain").axes
    assert [text.get_text() for text in left.get_yticklabels()] == ["base", "dear"]
    difference = reached.of("dear", MEAN, "held_out").difference
    ends = {round(x, 6) for bar in axes.collections for segment in bar.get_segments() for x, _ in segment}
    assert {round(100 * end, 6) for end in (*difference.interval, *difference.family_interval)} <= ends


def test_lines_begin_at_the_base_and_end_where_the_run_does():
    courses = {split: course(TABLES.runs, TABLES.scores, split) for split in ("seen", "held_out")}
    steps, flops = plots.draw_over_steps(courses), plots.draw_over_flops(courses)
    for figure, ends in ((steps, (100, 100)), (flops, (2e11, 3e11))):
        lines = figure.axes[0].lines
        assert [line.get_xdata()[0] for line in lines] == [0, 0]
        assert [line.get_xdata()[-1] for line in lines] == list(ends)
        assert lines[0].get_ydata()[0] == lines[1].get_ydata()[0]
        assert labels(figure) == ["plain", "dear"]


def test_an_arm_keeps_its_color(reached):
    bars = plots.draw_categories(reached).axes[0].containers
    lines = plots.draw_over_steps({"seen": course(TABLES.runs, TABLES.scores, "seen")}).axes[0].lines
    drawn = {each.get_label(): each.patches[0].get_facecolor() for each in bars if hasattr(each, "patches")}
    assert [drawn[line.get_label()] for line in lines] == [line.get_color() for line in lines]
