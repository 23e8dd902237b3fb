"""Shards are fetched before their samples are due, in that order, and not more of them than is said."""

import time

import numpy as np
import pytest

from lightning_compose.data.pairs import PairReader
from lightning_compose.data.pool import Pool
from lightning_compose.data.remote import limits
from lightning_compose.data.remote.fault import FetchError
from lightning_compose.data.remote.fetchers import Fetchers
from lightning_compose.data.remote.stream import FetchingBatches, FetchingStream
from lightning_compose.data.shards import ShardSet
from lightning_compose.data.transforms import Transform


@pytest.fixture
def shards(write_set, make_sample, server, downloads):
    """Twenty shards of two samples each."""
    folder = write_set([make_sample(3 * number) for number in range(40)], samples_per_shard=2)
    return ShardSet(f"{server.url}/{folder.name}", downloads)


def here(shards):
    missing = shards.files.missing(shards.shards)
    return {number for number, shard in enumerate(shards.shards) if shard not in missing}


def wait_for(condition):
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.002)


def stream_of(shards, pool):
    return FetchingStream(PairReader(shards, Transform(16), 2), pool, micro_batch_size=2)


def in_order(shards):
    """A pool that gives shard after shard, in an order of its own."""
    return Pool(np.arange(40), 0, shards=shards.table["shard"], shuffle_shards=1)


def test_the_shards_that_are_due_next_are_fetched_while_nothing_is_read(shards):
    pool = in_order(shards)
    due = list(dict.fromkeys(int(shards.table["shard"][pool.row(nth)]) for nth in range(40)))
    batches = iter(stream_of(shards, pool))
    next(batches)
    wait_for(lambda: len(here(shards)) >= limits.SHARDS_AHEAD)
    assert here(shards) == set(due[: limits.SHARDS_AHEAD])
    next(batches)
    wait_for(lambda: len(here(shards)) >= limits.SHARDS_AHEAD + 1)
    assert here(shards) <= set(due[: 2 * limits.SHARDS_AHEAD])


def test_a_run_whose_shards_cannot_be_fetched_says_how_it_goes_on(shards, server):
    server.always[".tar"] = 404
    with pytest.raises(
        FetchError, match=r"got the status 404\..*A run with a checkpoint goes on with `--ckpt_path last`"
    ):
        next(iter(stream_of(shards, in_order(shards))))


def test_the_first_shards_come_before_the_first_batch(shards, capsys):
    pool = in_order(shards)
    first = {int(shards.table["shard"][pool.row(nth)]) for nth in range(6)}
    stream_of(shards, pool).fetch_first(num_workers=3, visible=True)
    assert here(shards) == first
    assert "Fetching the first shards: 100%" in capsys.readouterr().err
    stream_of(shards, pool).fetch_first(num_workers=3, visible=True)
    assert capsys.readouterr().err == ""


def test_the_shards_of_the_batches_to_evaluate_on_are_fetched_ahead(shards):
    batches = FetchingBatches(PairReader(shards, Transform(16), 2), np.array_split(np.arange(40), 20))
    batches[0]
    wait_for(lambda: len(here(shards)) >= limits.SHARDS_AHEAD)
    assert here(shards) == set(range(limits.SHARDS_AHEAD))


@pytest.mark.parametrize(
    ("shards_of_room", "shuffle_shards", "ahead"), [(None, None, 8), (None, 12, 12), (12.5, 4, 6), (5, 4, 1)]
)
def test_a_limit_leaves_fewer_shards_ahead(shards, shards_of_room, shuffle_shards, ahead):
    largest = max(shard.bytes for shard in shards.shards)
    limit = None if shards_of_room is None else int(shards_of_room * largest)
    object.__setattr__(shards.files.downloads, "limit_bytes", limit)
    assert limits.shards_ahead(shards, shuffle_shards) == ahead


def test_a_fetch_that_fails_leaves_the_threads_at_work():
    done = []

    def fetch(number):
        if number == 1:
            raise OSError("no network")
        done.append(number)

    fetchers = Fetchers(fetch, threads=1)
    for number in (1, 2, 3):
        fetchers.request(number)
    wait_for(lambda: done == [2, 3])
