"""Threads that fetch: whatever a fetch raises, they go on."""

import threading

from lightning_compose.data.remote.fault import FetchError
from lightning_compose.data.remote.fetchers import Fetchers
from lightning_compose.data.shards import ShardError


def test_a_thread_survives_whatever_a_fetch_raises():
    errors = [FetchError("a"), ShardError("a", None, "b", "c"), ValueError("d"), RuntimeError("e")]
    done = threading.Event()

    def fetch(item):
        if item < len(errors):
            raise errors[item]
        done.set()

    fetchers = Fetchers(fetch, threads=1)
    for item in range(len(errors) + 1):
        fetchers.request(item)
    assert done.wait(10)
