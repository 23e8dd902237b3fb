"""Several ranks are signalled, fail and end together; the claims C4 and C11 to C13."""

import csv
import os
import signal
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import rank_lives
import torch
from ranks import alone, started, wait_for

from lightning_compose.data.plan import evaluation_batches, micro_batch_indices


@pytest.fixture
def elsewhere(tmp_path_factory):
    """A folder for temporary files, on another file system where there is one."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path_factory.mktemp("elsewhere")
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def checkpoints(folder):
    return sorted(each.name for each in (folder / "checkpoints").iterdir())


def last_step(folder):
    return torch.load(folder / "checkpoints/last.ckpt", weights_only=True)["global_step"]


def logged_steps(folder):
    with (folder / "csv/version_0/metrics.csv").open() as file:
        return [int(row["step"]) for row in csv.DictReader(file)]


ONE_RANK = [[(rank, signal.SIGTERM, 0)] for rank in (0, 1)]
BOTH_RANKS = [
    [(first, signal.SIGTERM, 0), (1 - first, signal.SIGTERM, skew_ms)] for first in (0, 1) for skew_ms in (0, 50, 500)
]


def name(signals):
    return "-".join(f"{signal.Signals(number).name}@{rank}+{skew_ms}ms" for rank, number, skew_ms in signals)


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        *((signals, 143) for signals in ONE_RANK + BOTH_RANKS),
        ([(1, signal.SIGUSR1, 0)], 138),
        ([(0, signal.SIGUSR1, 0), (1, signal.SIGTERM, 0)], 143),
    ],
    ids=lambda each: name(each) if isinstance(each, list) else "",
)
def test_signals_to_any_ranks_end_all_at_one_step_with_its_checkpoint(root, tmp_path, signals, code):
    with started(rank_lives.paced, root, tmp_path) as ranks:
        for rank in (0, 1):
            wait_for(rank_lives.beacon(tmp_path, rank, 1), ranks)
        for rank, number, skew_ms in signals:
            time.sleep(skew_ms / 1000)
            ranks.signal(rank, number)
        assert ranks.exit_codes() == [code, code]
    step = last_step(tmp_path)
    periodic = [f"step={each:06d}.ckpt" for each in range(4, step, 4)]
    assert checkpoints(tmp_path) == ["last.ckpt", *periodic, f"step={step:06d}.ckpt"]
    assert not rank_lives.beacon(tmp_path, 0, step + 1).exists()
    assert logged_steps(tmp_path) == list(range(step))


def descendants(process):
    children = [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return [process, *(each for child in children for each in descendants(child))]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Needs /proc.")
def test_a_signal_to_the_loaders_workers_too_ends_no_worker_before_the_checkpoint(root, tmp_path):
    with started(rank_lives.paced, root, tmp_path, 2) as ranks:
        for rank in (0, 1):
            wait_for(rank_lives.beacon(tmp_path, rank, 1), ranks)
        reached = [descendants(process.pid) for process in ranks.processes]
        # Workers first, as the hardest order.
        for process in [*reached[0][::-1], *reached[1][::-1]]:
            os.kill(process, signal.SIGTERM)
        assert ranks.exit_codes() == [143, 143]
    assert [len(each) for each in reached] == [3, 3]
    assert last_step(tmp_path) >= 1


@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_fails_ends_the_others_and_leaves_the_last_checkpoint(root, tmp_path, rank):
    with started(rank_lives.failing, root, tmp_path, rank, 6) as ranks:
        assert all(code not in (0, None) for code in ranks.exit_codes())
    assert checkpoints(tmp_path) == ["last.ckpt", "step=000004.ckpt"]
    assert last_step(tmp_path) == 4


@pytest.mark.parametrize("rank", [0, 1])
def test_a_forked_rank_that_fails_ends_the_others_too(root, tmp_path, rank):
    with started(rank_lives.failing, root, tmp_path, rank, 6, "ddp_fork", world_size=1, environment=alone) as ranks:
        assert ranks.exit_codes() == [1]
    assert last_step(tmp_path) == 4


@pytest.mark.parametrize(
    ("moment", "step"),
    [("half_written", 4), ("before_its_name", 4), ("before_its_link", 4), ("before_the_previous_is_removed", 8)],
)
def test_a_kill_while_a_checkpoint_is_saved_leaves_one_that_loads(root, tmp_path, elsewhere, moment, step):
    with started(rank_lives.dying, root, tmp_path, moment, elsewhere, world_size=1, environment=alone) as ranks:
        assert ranks.exit_codes() == [-signal.SIGXFSZ if moment == "half_written" else -signal.SIGKILL]
    assert last_step(tmp_path) == step
    for file in (tmp_path / "checkpoints").glob("*.ckpt"):
        torch.load(file, weights_only=True)
    assert len(list((tmp_path / "checkpoints").glob("*.part"))) == (moment in ("half_written", "before_its_name"))
    assert not list(elsewhere.rglob("*.ckpt*"))
    with started(rank_lives.finishing, root, tmp_path, 9, world_size=1, environment=alone) as ranks:
        assert ranks.exit_codes() == [0]
    assert last_step(tmp_path) == 9
    assert not list((tmp_path / "checkpoints").glob("*.part"))


def test_two_ranks_do_equally_much_with_three_shards(root, tmp_path):
    assert len(list(root.rglob("*.tar"))) == 3
    with started(rank_lives.counting, root, tmp_path, 12) as ranks:
        assert ranks.exit_codes() == [0, 0]
    assert len({(tmp_path / f"rank{rank}").read_text() for rank in (0, 1)}) == 1


NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="Needs a GPU.")


@pytest.mark.parametrize(
    ("accelerator", "backend"), [("cpu", "gloo"), pytest.param("gpu", "nccl", marks=NO_GPU)], ids=["gloo", "nccl"]
)
def test_one_rank_of_a_group_goes_on_from_its_checkpoint(root, tmp_path, accelerator, backend):
    for steps in (4, 6):
        with started(rank_lives.one_of_a_group, root, tmp_path, steps, accelerator, backend, world_size=1) as ranks:
            assert ranks.exit_codes() == [0]
        assert last_step(tmp_path) == steps
    assert (tmp_path / "trained").read_text().split() == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize("world_size", [1, 2, 4, 8])
@pytest.mark.parametrize("samples", [1, 3, 7, 24])
def test_every_rank_gets_as_many_batches_as_the_others(world_size, samples):
    # Shards do not enter: one shard on four ranks is the same arithmetic as many.
    batches = evaluation_batches(np.arange(samples), world_size=world_size, micro_batch_size=2)
    assert len(batches) % world_size == 0
    assert set(np.concatenate(batches)) == set(range(samples))
    assert sum(map(len, batches)) - samples == max(0, world_size - samples)
    step = 8 * world_size
    indices = [
        index
        for rank in range(world_size)
        for micro_batch in range(4)
        for index in micro_batch_indices(micro_batch, rank=rank, world_size=world_size, micro_batch_size=2)
    ]
    assert sorted(indices) == list(range(step))
