"""Which sample is trained on when, by the stream itself and by arithmetic; the claims C1 to C3."""

import os
import subprocess
import sys
from itertools import chain, product
from types import SimpleNamespace

import numpy as np
import pytest

from lightning_compose.data import dataset
from lightning_compose.data.dataset import TrainingStream
from lightning_compose.data.plan import Plan, accumulation, evaluation_batches
from lightning_compose.data.pool import Pool

WORLD_SIZES, WORKERS = (1, 2, 4, 8), (0, 1, 4)
CUTS = list(product(WORLD_SIZES, WORKERS))


WRITTEN_DOWN = {
    0: [6, 23, 34, 12, 27, 26, 13, 19, 16, 20, 18, 30, 24, 31, 21, 35],
    12: [41, 76, 64, 49, 75, 48, 52, 72, 68, 23, 42, 32, 33, 62, 78, 30],
}


class Rows:
    """Reads nothing: a batch is its rows."""

    def read(self, rows, indices):
        return list(rows)


@pytest.fixture
def trained(monkeypatch):
    """Return what all ranks train on, one list of rows an optimizer step, as loaders would bring it."""

    def run(plan, steps, global_batch_size, world_size, workers, micro_batch_size):
        per_step = accumulation(global_batch_size, world_size=world_size, micro_batch_size=micro_batch_size)
        ranks = [in_turn(stream, workers, steps * per_step) for stream in streams(plan, world_size, micro_batch_size)]
        return [
            list(
                chain.from_iterable(
                    chain.from_iterable(rank[step * per_step : (step + 1) * per_step] for rank in ranks)
                )
            )
            for step in range(steps)
        ]

    def in_turn(stream, workers, count):
        """As a DataLoader does: a batch of each worker, again and again."""
        iterators = [started(stream, worker, workers) for worker in range(max(workers, 1))]
        return [next(iterators[number % len(iterators)]) for number in range(count)]

    def started(stream, worker, workers):
        info = SimpleNamespace(id=worker, num_workers=workers) if workers else None
        with monkeypatch.context() as patched:
            patched.setattr(dataset, "get_worker_info", lambda: info)
            iterator = iter(stream)
            first = next(iterator)
        return chain([first], iterator)

    return run


def streams(plan, world_size, micro_batch_size):
    sizes = {"world_size": world_size, "micro_batch_size": micro_batch_size}
    return [TrainingStream(Rows(), plan, rank=rank, **sizes) for rank in range(world_size)]


def three_stages(rows=(37, 53, 29), batch=16):
    """Three pools, ten steps each, the later ones with a quarter of the one before."""
    bounds = np.cumsum([0, *rows])
    pools = {
        str(number): Pool(np.arange(*bounds[number : number + 2]), seed=0, stream=f"order/{number}")
        for number in range(3)
    }
    counts = np.repeat([[batch, 0, 0], [batch // 4, batch - batch // 4, 0], [0, batch // 4, batch - batch // 4]], 10, 0)
    return Plan(pools, counts, seed=0)


@pytest.mark.parametrize("samples", [96, 97, 101, 5])
@pytest.mark.parametrize(("world_size", "workers"), CUTS)
@pytest.mark.parametrize("micro_batch_size", [1, 2])
def test_c1_every_sample_exactly_once_a_pass(trained, samples, world_size, workers, micro_batch_size):
    passes = 3
    steps = -(-passes * samples // 16)
    batches = trained(Pool(np.arange(samples), seed=0), steps, 16, world_size, workers, micro_batch_size)
    # Nothing is padded and nothing dropped: a pass ends inside a batch, where the next one begins.
    assert [len(batch) for batch in batches] == [16] * steps
    counts = np.zeros(samples, int)
    for batch in batches:
        np.add.at(counts, batch, 1)
        assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize(("world_size", "workers"), CUTS)
def test_c1_in_every_stage_of_a_curriculum_too(trained, world_size, workers):
    plan = three_stages()
    rows = list(chain.from_iterable(trained(plan, 30, 16, world_size, workers, 2)))
    for pool in plan.pools.values():
        counts = np.bincount(rows, minlength=200)[pool.rows]
        assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 64, 65])
@pytest.mark.parametrize("world_size", WORLD_SIZES)
@pytest.mark.parametrize("micro_batch_size", [1, 4])
def test_c1_evaluation_repeats_rows_only_where_there_are_fewer_than_ranks(rows, world_size, micro_batch_size):
    batches = evaluation_batches(np.arange(rows), world_size=world_size, micro_batch_size=micro_batch_size)
    seen = np.concatenate(batches)
    assert set(seen) == set(range(rows))
    assert len(seen) - rows == max(0, world_size - rows)


@pytest.mark.parametrize(("world_size", "workers"), CUTS)
@pytest.mark.parametrize("micro_batch_size", [1, 2])
def test_c2_global_batches_are_the_same_for_any_ranks_and_workers(trained, world_size, workers, micro_batch_size):
    plan = three_stages()
    batches = trained(plan, 33, 16, world_size, workers, micro_batch_size)
    assert [sorted(batch) for batch in batches] == [sorted(plan.rows_of_step(step)) for step in range(33)]


PRINT_ORDER = """
from tests.reliability.test_order import three_stages
print([three_stages().row(index) for index in range(40)], [three_stages().row(index) for index in range(300, 340)])
"""


def test_c3_the_order_differs_between_passes():
    plan = three_stages(rows=(16, 16, 16), batch=16)
    first, second = plan.rows_of_step(0), plan.rows_of_step(1)
    assert sorted(first) == sorted(second) == list(range(16))
    assert first != second


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_c3_the_order_is_the_same_in_every_process(hash_seed):
    plan = three_stages()
    expected = [[plan.row(index) for index in indices] for indices in (range(40), range(300, 340))]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", PRINT_ORDER]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == " ".join(map(str, expected))


def test_c3_the_order_is_the_one_written_down():
    # On another machine, or with another version of numpy: runs can be gone on with there.
    plan = three_stages()
    assert plan.rows_of_step(0) == WRITTEN_DOWN[0]
    assert plan.rows_of_step(12) == WRITTEN_DOWN[12]
