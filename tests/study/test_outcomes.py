"""Scores as arrays: by hand, and runs that were asked differently."""

import numpy as np
import pytest

from lightning_compose.study.outcomes import gather
from lightning_compose.study.readings import at_equal_steps
from lightning_compose.study.tables import Evaluated, Outcome


def outcome(arm, seed, index, correct, step=10, category="color", split="seen", image_seed=7, prompt="a ring"):
    return Outcome(arm, seed, step, index, category, split, "single", correct, index, 2, image_seed, prompt)


def reading(*keys):
    return at_equal_steps([Evaluated(*key, 10, 10, 1.0, 1.0) for key in keys], "plain")


def test_a_row_a_seed_and_a_column_a_prompt():
    scores = [
        outcome("plain", 1, 1, True),
        outcome("plain", 1, 0, False),
        outcome("plain", 0, 0, True),
        outcome("plain", 0, 1, True),
        outcome("plain", 0, 1, False, step=5),
    ]
    prompts, arms = gather(scores, reading(("plain", 0), ("plain", 1)), ["plain", "token"])
    np.testing.assert_array_equal(arms["plain"].correct, [[1, 1], [0, 1]])
    np.testing.assert_array_equal(arms["plain"].found, [[0, 1], [0, 1]])
    assert list(arms) == ["plain"]
    np.testing.assert_array_equal(prompts.columns("color", "seen"), [0, 1])
    np.testing.assert_array_equal(prompts.columns("color", "both"), [0, 1])
    assert prompts.columns("color", "held_out").size == 0


def test_nothing_is_read_where_nothing_is_done():
    prompts, arms = gather([], {}, ["plain"])
    assert (prompts.category.size, arms) == (0, {})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"prompt": "a heart"}, "'a ring' with seed 7 (color, seen) and 'a heart' with seed 7 (color, seen)"),
        ({"image_seed": 8}, "'a ring' with seed 7 (color, seen) and 'a ring' with seed 8"),
        ({"category": "shape"}, "and 'a ring' with seed 7 (shape, seen)"),
        ({"index": 1}, "'a ring' with seed 7 (color, seen) and none"),
    ],
)
def test_refuses_runs_of_other_prompts_and_names_both(change, told):
    scores = [outcome("plain", 0, 0, True), outcome("token", 3, **{"index": 0, "correct": True, **change})]
    with pytest.raises(ValueError, match=r"differ between plain:0 and token:3, the first at index 0") as error:
        gather(scores, reading(("plain", 0), ("token", 3)), ["plain", "token"])
    assert told in str(error.value)
