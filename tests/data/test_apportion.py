"""Whole samples out of shares: exact sums, no drift."""

from itertools import product

import numpy as np
import pytest

from lightning_compose.curriculum import Schedule, Stage
from lightning_compose.data.apportion import apportion


def random_schedule(rng, kind, stages):
    replays = [0.0, *rng.choice([0.0, 0.1, 0.3, rng.random()], stages - 1).tolist()]
    return Schedule(
        {str(number): Stage(steps=int(rng.integers(1, 40)), replay=replay) for number, replay in enumerate(replays)},
        [int(rng.integers(1, 500)) for _ in range(stages)],
        int(rng.choice([1, 2, 4, 16, 17])),
        kind,
        float(rng.choice([0.1, 0.5, 1.0])),
    )


@pytest.mark.parametrize(("kind", "stages"), list(product(["strict", "gaussian", "mixed"], [1, 2, 3, 5])))
def test_counts_are_whole_batches_that_follow_the_mixture(kind, stages):
    rng = np.random.default_rng(stages)
    for _ in range(15):
        schedule = random_schedule(rng, kind, stages)
        mixture = schedule.mixture(np.arange(schedule.steps))
        counts = apportion(mixture, schedule.batch_size)
        assert (counts.sum(axis=1) == schedule.batch_size).all()
        assert (counts >= 0).all()
        assert (counts[mixture == 0] == 0).all()
        assert np.abs((counts - schedule.batch_size * mixture).cumsum(axis=0)).max() < 1


def test_what_is_left_over_is_carried_to_the_next_steps():
    assert apportion(np.tile([0.9, 0.1], (10, 1)), batch_size=1)[:, 1].sum() == 1


def test_what_a_pool_is_owed_at_its_end_is_not_paid_later():
    mixture = np.array([[0.75, 0.25]] + [[1.0, 0.0]] * 3)
    assert apportion(mixture, batch_size=2)[1:].tolist() == [[2, 0]] * 3
