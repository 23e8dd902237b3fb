"""Intervals: against the normal distribution, by hand, and the same again."""

import numpy as np
import pytest

from lightning_compose.metrics.bootstrap import bootstrap_interval
from lightning_compose.seeding import generator


def test_a_large_sample_has_the_interval_of_the_normal_distribution():
    values = generator(0, "test").normal(3.0, 2.0, size=400)
    error = values.std() / np.sqrt(values.size)
    low, high = bootstrap_interval([values])
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_groups_count_alike_whatever_their_size():
    low, high = bootstrap_interval([[0.0] * 100, [1.0]])
    assert (low, high) == (0.5, 0.5)


def test_a_wider_level_is_a_wider_interval():
    values = [[0.0, 1.0] * 20]
    narrow, wide = (bootstrap_interval(values, level) for level in (0.5, 0.99))
    assert wide[0] < narrow[0] < 0.5 < narrow[1] < wide[1]


def test_the_same_values_have_the_same_interval():
    values = [generator(0, "test").normal(size=20)]
    assert bootstrap_interval(values) == bootstrap_interval(values)
    assert bootstrap_interval(values, resamples=500) != bootstrap_interval(values, resamples=500, seed=1)


@pytest.mark.parametrize("groups", [[], [[]], [[1.0], []]])
def test_refuses_emptiness(groups):
    with pytest.raises(ValueError, match="at least one value in each group"):
        bootstrap_interval(groups)
