"""A few threads that fetch what will be needed soon."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

THREADS = 4


class Fetchers:
    """Threads of the process that asks for the first item: threads do not survive a fork.

    Args:
        fetch: Called with each item. What it cannot fetch is left: who reads the item meets the same error.
        threads: How many items at once.
    """

    def __init__(self, fetch: Callable[[int], object], threads: int = THREADS) -> None:
        self.fetch = fetch
        self.threads = threads
        self._process = 0

    def request(self, item: int) -> None:
        """Have an item fetched after those that were requested before, unless it is among them."""
        if self._process != os.getpid():
            self._start()
        if item not in self._waiting:
            self._waiting.add(item)
            self._queue.put(item)

    def _start(self) -> None:
        self._process = os.getpid()
        self._waiting: set[int] = set()
        self._queue: SimpleQueue[int] = SimpleQueue()
        for _ in range(self.threads):
            # Daemons: a process that is done does not wait for shards that nobody will read.
            threading.Thread(target=self._work, args=(self._queue, self._waiting), daemon=True).start()

    def _work(self, queue: SimpleQueue[int], waiting: set[int]) -> None:
        while True:
            item = queue.get()
            try:
                self.fetch(item)
            except Exception:
                # Whatever it is: who reads the item tries again, and raises where it can be seen.
                continue
            finally:
                waiting.discard(item)
