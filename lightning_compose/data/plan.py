"""Which sample is trained on when: arithmetic and nothing else, the same on every rank, worker and resume.

Training samples are numbered through the whole run by a *global index*. The global batch of optimizer step `s` holds
the indices `[s * global_batch_size, (s + 1) * global_batch_size)`; ranks and micro-batches only cut it into pieces.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lightning_compose.seeding import generator

Rows = npt.NDArray[np.int64]

# A micro-batch can straddle two passes; no third one is ever needed at once.
_CACHED_PASSES = 2


class Plan:
    """The order of the training samples: a new permutation of `rows` in every pass, drawn by (seed, pass).

    Args:
        rows: The rows of a shard set to train on, ``[n]``, at least one.
        seed: The run's seed.

    Raises:
        ValueError: When there are no rows.
    """

    def __init__(self, rows: Rows, seed: int) -> None:
        if len(rows) == 0:
            raise ValueError("Expected at least one row to train on, got none. Check the folder and `val_fraction`.")
        self.rows = rows
        self.seed = seed
        self._orders: dict[int, Rows] = {}

    def row(self, global_index: int) -> int:
        """Return the row of the sample with this global index, in ``[0, infinity)``."""
        nth_pass, position = divmod(global_index, len(self.rows))
        return int(self.rows[self._order(nth_pass)[position]])

    def _order(self, nth_pass: int) -> Rows:
        if nth_pass not in self._orders:
            while len(self._orders) >= _CACHED_PASSES:
                del self._orders[min(self._orders)]
            self._orders[nth_pass] = generator(self.seed, "order", nth_pass).permutation(len(self.rows))
        return self._orders[nth_pass]

    def __getstate__(self) -> dict[str, object]:
        # Workers draw the permutations again: cheaper than to send them.
        return {**self.__dict__, "_orders": {}}


def micro_batch_indices(micro_batch: int, *, rank: int, world_size: int, micro_batch_size: int) -> range:
    """Return the global indices of one rank's micro-batch.

    Args:
        micro_batch: Counted from the start of the run, in ``[0, infinity)``.
        rank: In ``[0, world_size)``.
    """
    first = (micro_batch * world_size + rank) * micro_batch_size
    return range(first, first + micro_batch_size)


def first_micro_batch(samples: int, *, world_size: int, micro_batch_size: int) -> int:
    """Return the micro-batch that a rank begins with after the run has consumed `samples`, whole global batches."""
    return samples // (world_size * micro_batch_size)


def accumulation(global_batch_size: int, *, world_size: int, micro_batch_size: int) -> int:
    """Return how many micro-batches of every rank make one optimizer step.

    Raises:
        ValueError: When the sizes do not divide.
    """
    at_once = world_size * micro_batch_size
    if global_batch_size % at_once:
        raise ValueError(
            f"Expected `global_batch_size` to be a multiple of `micro_batch_size` x ranks = {micro_batch_size} x "
            f"{world_size} = {at_once}, got {global_batch_size}. Change one of the two sizes or the number of devices."
        )
    return global_batch_size // at_once


def split_rows(caption_hash: npt.NDArray[np.uint64], val_fraction: float) -> tuple[Rows, Rows]:
    """Return the rows for training and those for validation; all pairs of one caption are on the same side.

    Args:
        caption_hash: Uniform over 64 bits, one a row, ``[n]``.
        val_fraction: Share of the captions that validate, in ``[0, 1)``.
    """
    validates = caption_hash < np.uint64(int(val_fraction * 2**64))
    return np.flatnonzero(~validates), np.flatnonzero(validates)


def evaluation_batches(rows: Rows, *, world_size: int, micro_batch_size: int) -> list[Rows]:
    """Cut `rows` into batches whose number is a multiple of the ranks, so that no rank waits for another.

    Every row comes exactly once, and sizes differ by at most one. Only where a rank would have none are rows repeated,
    at most `world_size - 1` of them.

    Args:
        rows: ``[n]``.
        micro_batch_size: The most rows a batch may have.
    """
    if len(rows) == 0:
        return []
    rounds = -(-len(rows) // (world_size * micro_batch_size))
    batches = rounds * world_size
    enough = rows if len(rows) >= batches else np.resize(rows, batches)
    return np.array_split(enough, batches)
