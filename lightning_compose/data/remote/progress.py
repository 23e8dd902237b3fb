"""Fetch shards while somebody waits for them, with a bar of bytes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from queue import Empty, SimpleQueue

from tqdm import tqdm

from lightning_compose.data.remote.fetchers import THREADS
from lightning_compose.data.shards.files import RemoteFiles
from lightning_compose.data.shards.table import Shard


class _Done:
    """Told by a thread when one shard is whole."""


_News = SimpleQueue[int | _Done | Exception]


def fetch_all(files: RemoteFiles, shards: Sequence[Shard], label: str, visible: bool = True) -> int:
    """Fetch those of the shards that are not here yet, several at once, and return how many those were.

    Args:
        files: Where they are.
        shards: Which.
        label: Of the bar.
        visible: Whether a bar is drawn.

    Raises:
        FetchError: When one cannot be fetched.
        OSError: When the disk is full, or the folder cannot be written.
    """
    missing = files.missing(shards)
    total = sum(shard.bytes for shard in missing)
    news = _fetch_in_threads(files, missing)
    with tqdm(total=total, unit="B", unit_scale=True, desc=label, disable=not (visible and missing)) as bar:
        left = len(missing)
        while left:
            told = news.get()
            if isinstance(told, Exception):
                raise told
            if isinstance(told, int):
                bar.update(told)
            else:
                left -= 1
    return len(missing)


def drop_damaged(files: RemoteFiles, shards: Sequence[Shard], visible: bool = True) -> int:
    """Remove those of the shards that are here but not as they were fetched, and return how many those were.

    Args:
        files: Where they are.
        shards: Which.
        visible: Whether a bar is drawn.
    """
    missing = {shard.path for shard in files.missing(shards)}
    here = [shard for shard in shards if shard.path not in missing]
    damaged = 0
    total = sum(shard.bytes for shard in here)
    with tqdm(total=total, unit="B", unit_scale=True, desc="Checking", disable=not (visible and here)) as bar:
        for shard in here:
            with open(files.open(shard), "rb") as file:
                damaged += files.heals(shard, file.fileno())
            bar.update(shard.bytes)
    return damaged


def _fetch_in_threads(files: RemoteFiles, shards: Sequence[Shard]) -> _News:
    waiting, news = SimpleQueue[Shard](), _News()
    for shard in shards:
        waiting.put(shard)
    for _ in range(min(THREADS, len(shards))):
        # Daemons: Ctrl-C ends the process at once, and what has come so far is gone on with the next time.
        threading.Thread(target=_work, args=(files, waiting, news), daemon=True).start()
    return news


def _work(files: RemoteFiles, waiting: SimpleQueue[Shard], news: _News) -> None:
    try:
        while True:
            shard = waiting.get_nowait()
            news.put(shard.bytes - _fetch(files, shard, news))
            news.put(_Done())
    except Empty:
        return
    except Exception as error:
        news.put(error)


def _fetch(files: RemoteFiles, shard: Shard, news: _News) -> int:
    """Fetch one shard and return how many bytes of it were told: none of what another process fetched."""
    told = 0

    def advance(count: int) -> None:
        nonlocal told
        told += count
        news.put(count)

    files.fetch(shard, advance=advance)
    return told
