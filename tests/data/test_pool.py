"""The order in which a pool gives its rows."""

import pickle

import numpy as np
import pytest

from lightning_compose.data.pool import Pool


def rows_of_pass(pool, nth_pass):
    n = len(pool.rows)
    return [pool.row(nth_pass * n + position) for position in range(n)]


def test_every_pass_is_another_permutation_of_the_same_rows():
    pool = Pool(np.arange(10, 110), seed=3)
    first, second = rows_of_pass(pool, 0), rows_of_pass(pool, 1)
    assert sorted(first) == sorted(second) == list(range(10, 110))
    assert first != second


def test_a_pool_is_pure_in_seed_and_index():
    rows = np.arange(57)
    forwards = [Pool(rows, seed=1).row(index) for index in range(200)]
    visited = Pool(rows, seed=1)
    backwards = [visited.row(index) for index in reversed(range(200))]
    assert forwards == backwards[::-1]
    assert forwards != [Pool(rows, seed=2).row(index) for index in range(200)]


def test_a_pool_keeps_few_permutations_and_sends_none_to_workers():
    pool = Pool(np.arange(5), seed=0)
    rows = [pool.row(index) for index in range(100)]
    assert len(pool._orders) <= 2
    copy = pickle.loads(pickle.dumps(pool))
    assert copy._orders == {}
    assert [copy.row(index) for index in range(100)] == rows


def test_no_rows_is_an_error():
    with pytest.raises(ValueError, match="at least one row"):
        Pool(np.arange(0), seed=0)


def test_two_streams_are_independent():
    rows = np.arange(57)
    orders = [[Pool(rows, 1, stream).row(nth) for nth in range(57)] for stream in ("order/a", "order/b")]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


def test_the_order_without_a_curriculum_is_the_one_that_it_always_was():
    # Written down when there was no curriculum: runs of then can be gone on with.
    pool = Pool(np.arange(100, 107), seed=3)
    first_pass = [103, 100, 106, 105, 104, 102, 101]
    second_pass = [106, 101, 100, 105, 103, 104, 102]
    assert [pool.row(nth) for nth in range(14)] == first_pass + second_pass


def windowed(seed=0, shuffle_shards=2, rows_a_shard=10, shards=7):
    rows = np.arange(100, 100 + shards * rows_a_shard)
    return Pool(rows, seed, shards=(rows - 100) // rows_a_shard, shuffle_shards=shuffle_shards)


def test_a_window_mixes_the_rows_of_so_many_shards_and_no_others():
    pool = windowed()
    for nth_pass in range(3):
        order = rows_of_pass(pool, nth_pass)
        assert sorted(order) == list(range(100, 170))
        shards = [(row - 100) // 10 for row in order]
        windows = [shards[first : first + 20] for first in range(0, 70, 20)]
        assert [len(set(window)) for window in windows] == [2, 2, 2, 1]
        assert any(window != sorted(window) and window != sorted(window)[::-1] for window in windows[:3])


def test_the_shards_come_in_another_order_in_every_pass():
    pool = windowed(shuffle_shards=1)
    orders = [[(row - 100) // 10 for row in rows_of_pass(pool, nth_pass)[::10]] for nth_pass in range(3)]
    assert all(sorted(order) == list(range(7)) for order in orders)
    assert orders[0] != orders[1] != orders[2]


def test_a_window_of_all_shards_is_no_window():
    every, none = windowed(shuffle_shards=7), windowed(shuffle_shards=None)
    assert [every.row(nth) for nth in range(140)] == [none.row(nth) for nth in range(140)]
