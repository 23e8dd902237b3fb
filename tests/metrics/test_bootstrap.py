"""Intervals: against the normal distribution, by hand, and the same again."""

import itertools

import numpy as np
import pytest

from lightning_compose.metrics.bootstrap import bootstrap_interval, central_interval, crossed_means, difference_interval
from lightning_compose.seeding import generator

PAIRS = [list(each) for each in itertools.product(range(2), repeat=2)]


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


def test_differences_that_vary_are_drawn_anew():
    varied = [[0.0, 0.0], [0.0, 1.0, -1.0]]
    assert difference_interval(varied) == bootstrap_interval(varied)
    assert difference_interval(varied, level=0.5) == bootstrap_interval(varied, level=0.5)


@pytest.mark.parametrize(("alike", "low", "high"), [(0.0, -0.5, 0.5), (1.0, 0.0, 1.0), (-1.0, -1.0, 0.0)])
def test_two_that_are_alike_leave_half_open_at_three_quarters(alike, low, high):
    # Were more than half of all others, two tries had shown one with 1 - 0.5^2.
    assert difference_interval([[alike, alike]], level=0.75) == pytest.approx((low, high))


def test_nothing_in_many_is_the_rule_of_three():
    assert difference_interval([[0.0] * 300]) == pytest.approx((-3 / 300, 3 / 300), rel=0.01)


def test_groups_that_do_not_vary_count_as_the_smallest_each():
    # Two groups as of one prompt, at three quarters: half of all may be others. They lie between -1 and 1.
    assert difference_interval([[0.0, 0.0, 0.0], [1.0]], level=0.75) == pytest.approx((0.5 - 0.5 * 2, 0.5 + 0.5 * 1))


def test_the_bound_holds_in_the_worst_case_of_uneven_groups():
    low, high = difference_interval([[0.0] * 20, [0.0] * 2])
    # All that is other is in the small group: its mean share is this where two tries show none with 5 %.
    assert high == -low >= (1 - 0.05 ** (1 / 2)) / 2


def test_rows_and_columns_drawn_anew_have_the_variance_that_enumeration_gives():
    values = np.array([[0.0, 3.0], [1.0, 8.0]])
    # All 4 drawings of columns times all 4 of rows, alike likely; what rows change times the root of 2 / (2 - 1).
    drawn = [
        values[:, columns].mean() + 2**0.5 * (values[rows, :].mean() - values.mean())
        for columns in PAIRS
        for rows in PAIRS
    ]
    means = crossed_means([values], resamples=20000)
    assert set(means.round(9)) == set(np.round(drawn, 9))
    assert means.mean() == pytest.approx(np.mean(drawn), abs=0.05)
    assert means.var() == pytest.approx(np.var(drawn), rel=0.05)


def test_a_mean_of_few_rows_has_its_whole_variance():
    rows = np.array([[0.0], [1.0], [5.0]])
    assert crossed_means([rows], resamples=20000).var() == pytest.approx(rows.var(ddof=1) / 3, rel=0.05)


def test_a_single_row_leaves_the_columns():
    values = generator(0, "test").normal(size=(1, 50))
    assert crossed_means([values], resamples=20000).var() == pytest.approx(values.var() / 50, rel=0.05)


def test_a_row_answers_for_all_groups():
    # Were the rows drawn by group, means between 0 and 1 came about.
    group = np.array([[0.0, 0.0], [1.0, 1.0]])
    one, two = crossed_means([group]), crossed_means([group, group])
    np.testing.assert_array_equal(one, two)


def test_columns_are_drawn_once_for_both_sides():
    prompts = generator(0, "test").normal(size=(1, 30))
    better = np.concatenate([prompts, prompts, prompts]) + 0.25
    np.testing.assert_allclose(crossed_means([better], [prompts]), 0.25)


def test_rows_of_the_two_sides_are_drawn_by_themselves():
    # Row 0 has nothing to do with row 0 of the other side: their difference varies though each pair has none.
    rows = np.array([[0.0], [1.0]])
    root = 0.5**0.5
    assert set(crossed_means([rows], [rows]).round(9)) == {round(each * root, 9) for each in (-2, -1, 0, 1, 2)}


def test_groups_of_columns_count_alike():
    assert set(crossed_means([np.zeros((2, 50)), np.ones((2, 1))])) == {0.5}


def test_the_central_interval_by_hand():
    assert central_interval(np.arange(101.0), level=0.9) == pytest.approx((5.0, 95.0))


@pytest.mark.parametrize(
    ("groups", "others", "message"),
    [
        ([], None, "at least one row"),
        ([np.zeros((2, 0))], None, "at least one row"),
        ([np.zeros((2, 3)), np.zeros((3, 3))], None, "the same rows"),
        ([np.zeros((2, 3))], [np.zeros((2, 4))], "the same columns"),
    ],
)
def test_refuses_groups_that_do_not_fit(groups, others, message):
    with pytest.raises(ValueError, match=message):
        crossed_means(groups, others)
