"""At which step each run is read: by hand."""

from lightning_compose.study.readings import at_equal_cost, at_equal_steps, flops_budget
from lightning_compose.study.tables import Evaluated


def runs(arm, flops_a_step, steps=(10, 20, 30), seed=0):
    return [Evaluated(arm, seed, step, steps[-1], flops_a_step * step, 1.0) for step in steps]


BASE = Evaluated("base", 0, 0, 0, 0.0, 0.0)


def steps(reading):
    return {arm: each.step for (arm, _), each in reading.items()}


def test_equal_steps_are_those_of_the_reference():
    rows = [BASE, *runs("plain", 1.0), *runs("longer", 1.0, (10, 20, 40)), *runs("shorter", 1.0, (10, 20))]
    assert steps(at_equal_steps(rows, "plain")) == {"base": 0, "plain": 30, "longer": 20, "shorter": 20}


def test_equal_cost_is_what_the_reference_spent():
    rows = [BASE, *runs("plain", 1.0), *runs("half more", 1.5), *runs("twice", 2.0), *runs("four times", 4.0)]
    assert flops_budget(rows, "plain") == 30.0
    # Four times as dear, its first evaluation is beyond the budget.
    assert steps(at_equal_cost(rows, "plain")) == {"base": 0, "plain": 30, "half more": 20, "twice": 10}


def test_every_seed_of_the_reference_is_within_its_budget():
    rows = [*runs("plain", 1.0), *runs("plain", 1.01, seed=1)]
    assert {each.step for each in at_equal_cost(rows, "plain").values()} == {30}


def test_without_the_reference_runs_are_read_at_their_end():
    rows = runs("token", 1.0)
    assert steps(at_equal_steps(rows, "plain")) == {"token": 30}
    assert at_equal_cost(rows, "plain") == {}
    assert flops_budget(rows, "plain") is None


def test_the_order_of_the_rows_does_not_matter():
    rows = runs("plain", 1.0)
    assert at_equal_steps(rows[::-1], "plain") == at_equal_steps(rows, "plain")
