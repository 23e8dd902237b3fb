"""The length of a run, the same for all arms."""

import pytest

from lightning_compose.study.steps import steps_of, with_steps

STAGES = {"curriculum": {"stages": {"one": {"steps": 2}, "gone": None, "two": {"steps": 4}}}}


@pytest.mark.parametrize(
    ("config", "steps"),
    [
        (STAGES, 6),
        ({**STAGES, "trainer": {"max_steps": 6}}, 6),
        ({"trainer": {"max_steps": 5}}, 5),
        ({"curriculum": None, "trainer": {"max_steps": 5}}, 5),
    ],
)
def test_is_the_sum_of_the_stages_or_max_steps(config, steps):
    assert steps_of(config) == steps


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "`trainer.max_steps` or a curriculum"),
        ({**STAGES, "trainer": {"max_steps": 5}}, "to sum to `trainer.max_steps`, got 6 and 5"),
        ({"curriculum": {"stages": {"one": {"passes": 2}}}}, "`curriculum.stages.one` to have a number of `steps`"),
    ],
)
def test_refuses_what_has_no_length(config, message):
    with pytest.raises(ValueError, match="Expected") as error:
        steps_of(config)
    assert message in str(error.value)


def test_an_arm_without_a_curriculum_trains_as_long_as_one_with_it():
    assert with_steps({"curriculum": None, "trainer": {"x": 1}}, 6, "arm")["trainer"] == {"x": 1, "max_steps": 6}
    assert with_steps(STAGES, 6, "arm")["trainer"] == {"max_steps": 6}


@pytest.mark.parametrize("config", [STAGES, {"trainer": {"max_steps": 6}}])
def test_refuses_an_arm_of_another_length(config):
    with pytest.raises(ValueError, match="the arm 'arm' to train 7 steps as all do, got 6"):
        with_steps(config, 7, "arm")
