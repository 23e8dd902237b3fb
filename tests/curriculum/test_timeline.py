"""The picture of the plan: what it shows, read from matplotlib's own objects."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from lightning_compose.curriculum import timeline
from lightning_compose.curriculum.schedule import Schedule
from lightning_compose.curriculum.stage import Stage
from lightning_compose.curriculum.timeline import draw_timeline

STAGES = {"easy": Stage(steps=4, losses={"token": 0.0}), "hard": Stage(steps=6, lr=0.5, replay=0.25)}
WEIGHTS = {"token": 0.5, "pixel": 0.01}


@pytest.fixture
def drawn(monkeypatch):
    """Draw, and return the panels instead of the pixels."""

    def draw(kind="strict", max_steps=10, weights=WEIGHTS, learning_rate=lambda step: 1e-3) -> list:
        figures: list[Figure] = []
        monkeypatch.setattr(timeline, "_rendered", figures.append)
        draw_timeline(Schedule(STAGES, [30, 10], 8, kind), max_steps, weights, learning_rate)
        return figures[0].axes

    return draw


def texts(axes):
    return [each.get_text() for each in axes.texts]


def dashed_lines(axes):
    return [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"]


def test_the_stages_begin_on_edges(drawn):
    mixture, weights, rate = drawn()
    assert texts(mixture) == ["easy\n4 steps", "hard\n6 steps"]
    assert [dashed_lines(axes) for axes in (mixture, weights, rate)] == [[4]] * 3
    assert mixture.get_legend_handles_labels()[1] == ["easy (30)", "hard (10)"]
    easy = mixture.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose(easy[np.isclose(easy[:, 0], 4.0)][:, 1].max(), 1.0)
    np.testing.assert_allclose(easy[np.isclose(easy[:, 0], 9.0)][:, 1].max(), 0.25)


def test_each_loss_has_a_lane_with_its_effective_weight(drawn):
    _, weights, _ = drawn()
    assert texts(weights) == ["off", "0.5", "0.01", "0.01"]
    assert [each.get_text() for each in weights.get_yticklabels()] == ["token", "pixel"]


def test_the_learning_rate_is_that_of_the_stages(drawn):
    rate = drawn()[2].lines[0]
    values = dict(zip(rate.get_xdata(), rate.get_ydata(), strict=True))
    assert (values[0], values[10]) == (1e-3, 5e-4)


def test_what_is_not_there_is_not_drawn(drawn):
    assert len(drawn(weights={}, learning_rate=None)) == 1
    assert len(drawn(weights={})) == 2


def test_what_lies_beyond_the_run_is_hatched(drawn):
    hatched = [patch for axes in drawn(max_steps=7) for patch in axes.patches]
    assert [patch.get_x() for patch in hatched] == [7] * 3
    assert not [patch for axes in drawn() for patch in axes.patches]


def test_a_mixed_schedule_has_no_stages(drawn):
    mixture, weights, _ = drawn("mixed")
    assert mixture.get_title() == "mixed: no stages, the same at every step"
    assert dashed_lines(mixture) == texts(mixture) == []
    assert texts(weights) == ["0.3", "0.01"]


def test_a_long_plan_is_drawn_by_few_points():
    stages = {"easy": Stage(steps=30_000), "hard": Stage(steps=70_000)}
    picture = draw_timeline(Schedule(stages, [30, 10], 8, "gaussian"), 100_000, WEIGHTS, lambda step: 1e-3)
    assert picture.size[0] > 1000
    assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 10
