"""Shards shared out among processes that encode."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from multiprocessing import connection
from typing import Any

from lightning_compose.data.cache.encoding import Encoder
from lightning_compose.data.cache.writer import Advance, CacheWriter

Recipe = Callable[[int], Encoder]
_LOOK_EVERY_S = 0.2

# What a process was started with.
_process: dict[str, Any] = {}


def write_all(
    writer: CacheWriter, numbers: Sequence[int], encoder: Encoder, recipe: Recipe, processes: int, advance: Advance
) -> None:
    """Write the features of shards, in this process or in several.

    Args:
        writer: That has begun.
        numbers: Of the shards; each process takes the next one.
        encoder: This process's.
        recipe: Makes that of any other, by its number; picklable.
        processes: How many.
        advance: Told how many samples are done.

    Raises:
        ValueError: When there are fewer than one.
    """
    if processes < 1:
        raise ValueError(f"Expected `processes` to be at least 1, got {processes}.")
    if processes == 1:
        for number in numbers:
            writer.write(number, encoder, advance)
    elif numbers:
        _share(writer, numbers, recipe, min(processes, len(numbers)), advance)


def _share(writer: CacheWriter, numbers: Sequence[int], recipe: Recipe, processes: int, advance: Advance) -> None:
    # A forked process could not use a GPU.
    context = multiprocessing.get_context("spawn")
    done, counter = context.SimpleQueue(), context.Value("i", 0)
    with ProcessPoolExecutor(processes, context, _begin, (writer, recipe, processes, done, counter)) as pool:
        waiting = {pool.submit(_write, number) for number in numbers}
        try:
            while waiting:
                finished, waiting = wait(waiting, _LOOK_EVERY_S, FIRST_EXCEPTION)
                while not done.empty():
                    advance(done.get())
                for each in finished:
                    each.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _begin(writer: CacheWriter, recipe: Recipe, processes: int, done: Any, counter: Any) -> None:
    # Before what takes seconds: the parent may be gone by then.
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    import torch

    with counter.get_lock():
        number, counter.value = counter.value, counter.value + 1
    torch.set_num_threads(max(1, torch.get_num_threads() // processes))
    _process.update(writer=writer, encoder=recipe(number), advance=done.put)


def _end_with_the_parent() -> None:
    """End this process when the one that started it has ended, however it ended; the pool would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _write(number: int) -> None:
    _process["writer"].write(number, _process["encoder"], _process["advance"])
