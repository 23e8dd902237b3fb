"""What a stage selects, how long it is, and what is refused."""

import numpy as np
import pytest

from lightning_compose.curriculum.stage import Stage, describe_samples, require_valid
from lightning_compose.data.schema import CATEGORIES, STAGES

KINDS = [("single", "color"), ("single", "shape"), ("composition", "color"), ("complex", "complex")]
TABLE = np.array(
    [(STAGES.index(stage), CATEGORIES.index(category)) for stage, category in KINDS],
    dtype=[("stage", "u1"), ("category", "u1")],
)


@pytest.mark.parametrize(
    ("stage", "rows"),
    [
        (Stage(), [0, 1, 2, 3]),
        (Stage(stages=["single"]), [0, 1]),
        (Stage(categories=["color", "complex"]), [0, 2, 3]),
        (Stage(stages=["single", "complex"], categories=["color"]), [0]),
        (Stage(stages=["complex"], categories=["color"]), []),
    ],
)
def test_samples_are_selected_by_stage_and_category(stage, rows):
    assert np.flatnonzero(stage.selects(TABLE)).tolist() == rows


def test_samples_are_counted_for_a_message():
    assert describe_samples(TABLE) == "1 single/color, 1 single/shape, 1 composition/color, 1 complex/complex"


@pytest.mark.parametrize(
    ("stage", "steps"),
    [
        (Stage(steps=7), 7),
        (Stage(passes=1), 3),
        (Stage(passes=0.1), 1),
        (Stage(passes=4), 10),
        (Stage(passes=2, replay=0.5), 10),
        (Stage(passes=2, replay=0.2), 7),
    ],
)
def test_passes_are_rounded_up_to_whole_steps(stage, steps):
    assert stage.length(samples=10, batch_size=4) == steps


def test_no_step_too_many_by_rounding():
    assert 0.1 * 3 * 10 > 3
    assert Stage(passes=0.1 * 3).length(samples=10, batch_size=1) == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "`curriculum.stages.hard` to have either `steps` or `passes`, got `steps` = None and `passes` = None"),
        ({"steps": 1, "passes": 1.0}, "either `steps` or `passes`, got `steps` = 1 and `passes` = 1.0"),
        ({"steps": 0}, "at least 1 as `steps`, got 0"),
        ({"passes": 0.0}, "above 0 as `passes`, got 0.0"),
        ({"passes": float("inf")}, "above 0 as `passes`, got inf"),
        ({"steps": 1, "stages": ["hard"]}, r"known stages, got 'hard'. Known: \['single', 'composition', 'complex'\]"),
        ({"steps": 1, "categories": ["colour"]}, r"known categories, got 'colour'. Known: \['color', "),
        ({"steps": 1, "losses": {"token": -0.5}}, "at least 0 as `losses.token`, got -0.5"),
        ({"steps": 1, "losses": {"token": float("nan")}}, "at least 0 as `losses.token`, got nan"),
        ({"steps": 1, "lr": -1.0}, "at least 0 as `lr`, got -1.0"),
        ({"steps": 1, "replay": 1.0}, r"a share in \[0, 1\) as `replay`, got 1.0"),
        ({"steps": 1, "replay": -0.1}, r"a share in \[0, 1\) as `replay`, got -0.1"),
    ],
)
def test_bad_settings_are_refused_with_their_place(settings, message):
    with pytest.raises(ValueError, match=message):
        require_valid("hard", Stage(**settings), is_first=False)


def test_the_first_stage_has_nothing_to_replay():
    require_valid("easy", Stage(steps=1, replay=0.2), is_first=False)
    with pytest.raises(ValueError, match=r"`curriculum.stages.easy`, the first stage, to replay nothing, got .* 0.2"):
        require_valid("easy", Stage(steps=1, replay=0.2), is_first=True)
