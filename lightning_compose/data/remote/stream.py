"""The batches of a remote set: shards are fetched before their samples are due. Of a folder: as they are."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
from torch.utils.data import get_worker_info

from lightning_compose.data.batch import PairBatch
from lightning_compose.data.dataset import EvaluationBatches, TrainingStream
from lightning_compose.data.pairs import PairReader
from lightning_compose.data.plan import Plan
from lightning_compose.data.pool import Rows
from lightning_compose.data.remote.fault import FetchError
from lightning_compose.data.remote.fetchers import Fetchers
from lightning_compose.data.remote.limits import SHARDS_AHEAD, shards_ahead
from lightning_compose.data.remote.progress import fetch_all
from lightning_compose.data.shards import ShardSet
from lightning_compose.data.shards.files import RemoteFiles

# Far enough for a shard to come in time, near enough to be looked through at once.
BATCHES_AHEAD = 1000


class FetchingStream(TrainingStream):
    """Yield what `TrainingStream` yields; every process fetches the shards of its coming micro-batches."""

    def __iter__(self) -> Iterator[PairBatch]:
        batches, files = super().__iter__(), self.reader.shards.files
        if not isinstance(files, RemoteFiles):
            yield from batches
            return
        worker = get_worker_info()
        offset, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        own = islice(self._shards_of_batches(), offset, None, workers)
        coming = _Coming(files, self.reader.shards, own, self._shards_ahead)
        while True:
            coming.request()
            yield _next_of_run(batches)

    def fetch_first(self, num_workers: int, visible: bool) -> None:
        """Fetch the shards of each worker's first micro-batch, with a progress bar.

        Args:
            num_workers: Of this rank.
            visible: Whether the bar is drawn.
        """
        shards = self.reader.shards
        if isinstance(shards.files, RemoteFiles):
            numbers = set().union(*islice(self._shards_of_batches(), max(1, num_workers)))
            first = [shards.shards[number] for number in sorted(numbers)]
            fetch_all(shards.files, first, "Fetching the first shards", visible)

    def _shards_of_batches(self) -> Iterator[set[int]]:
        """Yield the shards of each of this rank's micro-batches."""
        # Looking ahead in the plan that batches are read by would make it compute every step twice.
        plan, shard_of_row = copy.copy(self.plan), self.reader.shards.table["shard"]
        first = self.first_micro_batch * self.world_size + self.rank
        while True:
            indices = range(first * self.micro_batch_size, (first + 1) * self.micro_batch_size)
            yield {int(shard_of_row[plan.row(index)]) for index in indices}
            first += self.world_size

    @property
    def _shards_ahead(self) -> int:
        pools = self.plan.pools.values() if isinstance(self.plan, Plan) else [self.plan]
        return shards_ahead(self.reader.shards, next(pool.shuffle_shards for pool in pools))


class FetchingBatches(EvaluationBatches):
    """Give what `EvaluationBatches` gives; every process fetches the shards of the batches that follow."""

    def __init__(self, reader: PairReader, batches: list[Rows]) -> None:
        super().__init__(reader, batches)
        self._fetchers: Fetchers | None = None

    def __getitem__(self, number: int) -> PairBatch:
        files = self.reader.shards.files
        if isinstance(files, RemoteFiles):
            self._request_from(number, files)
        return super().__getitem__(number)

    def _request_from(self, number: int, files: RemoteFiles) -> None:
        shards = self.reader.shards
        if self._fetchers is None:
            self._fetchers = Fetchers(_fetch_of(files, shards))
        rows = np.concatenate(self.batches[number : number + SHARDS_AHEAD])
        for shard in _missing(files, shards, np.unique(shards.table["shard"][rows]).tolist()):
            self._fetchers.request(shard)


class _Coming:
    """The shards of the micro-batches that one process is going to read, requested in that order.

    Args:
        files: Where the shards are.
        shards: The set.
        batches: The shards of each micro-batch, without end.
        shards_ahead: How many are requested before they are read.
    """

    def __init__(self, files: RemoteFiles, shards: ShardSet, batches: Iterator[set[int]], shards_ahead: int) -> None:
        self.files = files
        self.shards = shards
        self.batches = batches
        self.shards_ahead = shards_ahead
        self.fetchers = Fetchers(_fetch_of(files, shards))
        # Of each micro-batch that was looked at and not read yet: what it needs first of all of them.
        self._due: deque[list[int]] = deque()
        self._requested: set[int] = set()

    def request(self) -> None:
        """Request what comes into sight before the next micro-batch is read."""
        while len(self._requested) < self.shards_ahead and len(self._due) < BATCHES_AHEAD:
            new = _missing(self.files, self.shards, sorted(next(self.batches) - self._requested))
            self._due.append(new)
            self._requested.update(new)
            for shard in new:
                self.fetchers.request(shard)
        if self._due:
            self._requested.difference_update(self._due.popleft())


def _next_of_run(batches: Iterator[PairBatch]) -> PairBatch:
    try:
        return next(batches)
    except FetchError as error:
        raise FetchError(f"{error} A run with a checkpoint goes on with `--ckpt_path last`.") from error


def _missing(files: RemoteFiles, shards: ShardSet, numbers: list[int]) -> list[int]:
    return [number for number in numbers if files.missing([shards.shards[number]])]


def _fetch_of(files: RemoteFiles, shards: ShardSet) -> Callable[[int], None]:
    # What another process is fetching is left to it.
    return lambda number: files.fetch(shards.shards[number], wait=False)
