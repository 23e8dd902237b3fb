"""Order, ranks, workers and splits, by arithmetic alone."""

import pickle
from collections import Counter
from itertools import chain, product

import numpy as np
import pytest

from lightning_compose.data.plan import (
    Plan,
    accumulation,
    evaluation_batches,
    first_micro_batch,
    micro_batch_indices,
    split_rows,
)
from lightning_compose.data.pool import Pool


def indices_in_order(steps, global_batch_size, world_size, workers, micro_batch_size):
    """What all ranks train on, one list an optimizer step; each worker takes every n-th micro-batch."""
    per_step = accumulation(global_batch_size, world_size=world_size, micro_batch_size=micro_batch_size)
    taken = {}
    for rank, worker in product(range(world_size), range(max(workers, 1))):
        for micro_batch in range(worker, steps * per_step, max(workers, 1)):
            indices = micro_batch_indices(
                micro_batch, rank=rank, world_size=world_size, micro_batch_size=micro_batch_size
            )
            assert (rank, micro_batch) not in taken
            taken[rank, micro_batch] = list(indices)
    batches = [[] for _ in range(steps)]
    for (_, micro_batch), indices in sorted(taken.items()):
        batches[micro_batch // per_step].extend(indices)
    return [sorted(batch) for batch in batches]


@pytest.mark.parametrize(("world_size", "workers", "micro_batch_size"), list(product((1, 2, 4), (0, 1, 2), (1, 2, 4))))
def test_global_batches_are_the_same_for_any_ranks_workers_and_micro_batches(world_size, workers, micro_batch_size):
    batches = indices_in_order(5, 16, world_size, workers, micro_batch_size)
    assert batches == [list(range(16 * step, 16 * (step + 1))) for step in range(5)]


@pytest.mark.parametrize("global_batch_size", [4, 8, 24])
@pytest.mark.parametrize("samples", [1, 23, 24, 25])
def test_every_sample_exactly_once_a_pass(global_batch_size, samples):
    pool = Pool(np.arange(samples), seed=0)
    steps = 3 * samples
    indices = list(chain.from_iterable(indices_in_order(steps, global_batch_size, 2, 2, 2)))
    rows = [pool.row(index) for index in indices]
    for start in range(0, len(rows) - samples + 1, samples):
        assert sorted(rows[start : start + samples]) == list(range(samples))


@pytest.mark.parametrize(("world_size", "micro_batch_size"), [(1, 4), (2, 2), (4, 1), (2, 4)])
def test_a_resume_begins_with_the_next_sample(world_size, micro_batch_size):
    sizes = {"world_size": world_size, "micro_batch_size": micro_batch_size}
    micro_batch = first_micro_batch(3 * 8, **sizes)
    assert micro_batch_indices(micro_batch, rank=0, **sizes)[0] == 24


def test_accumulation_follows_from_the_sizes():
    assert accumulation(16, world_size=2, micro_batch_size=4) == 2
    with pytest.raises(ValueError, match=r"multiple of .*4 x 3 = 12, got 16"):
        accumulation(16, world_size=3, micro_batch_size=4)


def test_split_puts_equal_captions_on_one_side():
    rng = np.random.default_rng(0)
    hashes = np.repeat(rng.integers(0, 2**64, size=2000, dtype=np.uint64), 2)
    train, val = split_rows(hashes, 0.25)
    assert sorted([*train, *val]) == list(range(4000))
    assert not set(hashes[train]) & set(hashes[val])
    assert len(val) / 4000 == pytest.approx(0.25, abs=0.03)


def test_no_fraction_validates_nothing():
    train, val = split_rows(np.array([0, 2**64 - 1], dtype=np.uint64), 0.0)
    assert (list(train), list(val)) == ([0, 1], [])


@pytest.mark.parametrize(
    ("rows", "world_size", "micro_batch_size"), list(product((8, 17, 100), (1, 2, 4), (1, 2, 3, 4)))
)
def test_evaluation_sees_every_row_once_with_as_many_batches_on_every_rank(rows, world_size, micro_batch_size):
    batches = evaluation_batches(np.arange(rows), world_size=world_size, micro_batch_size=micro_batch_size)
    assert list(np.concatenate(batches)) == list(range(rows))
    assert len(batches) % world_size == 0
    assert max(map(len, batches)) <= max(micro_batch_size, 2)
    assert max(map(len, batches)) - min(map(len, batches)) <= 1


def test_evaluation_puts_odd_rows_beside_others():
    batches = evaluation_batches(np.arange(7), world_size=4, micro_batch_size=1)
    assert [len(batch) for batch in batches] == [2, 2, 2, 1]


def test_evaluation_repeats_rows_rather_than_leave_a_rank_without():
    batches = evaluation_batches(np.arange(3), world_size=4, micro_batch_size=1)
    assert [len(batch) for batch in batches] == [1] * 4
    assert set(np.concatenate(batches)) == set(range(3))
    assert evaluation_batches(np.arange(0), world_size=4, micro_batch_size=1) == []


COUNTS = np.array([[4, 0], [3, 1], [1, 3], [1, 3], [0, 4]])


def two_pools(counts=COUNTS, seed=0, **rows):
    rows = {"easy": np.arange(5), "hard": np.arange(10, 17)} | rows
    return Plan({name: Pool(each, seed, f"order/{name}") for name, each in rows.items()}, counts, seed)


def rows_of(plan, steps):
    return [[plan.row(4 * step + position) for position in range(4)] for step in range(steps)]


def test_each_step_takes_its_counts_from_the_pools():
    assert [sum(row >= 10 for row in rows) for rows in rows_of(two_pools(), 5)] == [0, 1, 3, 3, 4]


def test_each_pool_gives_its_samples_once_a_pass_whatever_the_steps_take():
    rows = list(chain.from_iterable(rows_of(two_pools(), 40)))
    for pool in (range(5), range(10, 17)):
        of_pool = [row for row in rows if row in pool]
        assert set(Counter(of_pool).values()) <= {len(of_pool) // len(pool), -(-len(of_pool) // len(pool))}


def test_the_pools_are_shuffled_within_a_step():
    places = {tuple(row >= 10 for row in rows) for rows in rows_of(two_pools(np.array([[2, 2]])), 30)}
    assert len(places) == 6


def test_after_the_last_step_its_counts_go_on():
    plan = two_pools()
    assert [sum(row >= 10 for row in rows) for rows in rows_of(plan, 9)[5:]] == [4] * 4
    assert plan.taken(9).tolist() == [9, 27]


def test_a_plan_is_pure_in_seed_and_index_and_crosses_to_workers():
    plan = two_pools()
    forwards = [plan.row(index) for index in range(30)]
    copy = pickle.loads(pickle.dumps(plan))
    assert [copy.row(index) for index in reversed(range(30))] == forwards[::-1]
    assert forwards != [two_pools(seed=1).row(index) for index in range(30)]


def test_a_digest_is_of_the_past_alone():
    plan, other_future = two_pools(), two_pools(np.concatenate([COUNTS[:2], [[0, 4]] * 5]))
    assert plan.digests(0) == {}
    assert list(plan.digests(1)) == ["easy"]
    assert plan.digests(2) == other_future.digests(2)
    assert plan.digests(3) != other_future.digests(3)
    assert plan.digests(1) == two_pools(hard=np.arange(3)).digests(1), "it has given nothing yet"
    assert plan.digests(2)["hard"] != two_pools(hard=np.arange(3)).digests(2)["hard"]
    assert plan.digests(2) != plan.digests(1)


def test_a_digest_knows_the_order_of_the_pools():
    counts = np.array([[2, 2]])
    rows = {"easy": np.arange(5), "hard": np.arange(10, 17)}
    swapped = Plan({name: Pool(rows[name], 0, f"order/{name}") for name in ("hard", "easy")}, counts, 0)
    assert swapped.digests(1) != two_pools(counts).digests(1)
