"""Which sample is trained on when: arithmetic and nothing else, the same on every rank, worker and resume.

Training samples are numbered through the whole run by a *global index*. The global batch of optimizer step `s` holds
the indices `[s * global_batch_size, (s + 1) * global_batch_size)`; ranks and micro-batches only cut it into pieces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from lightning_compose.data.apportion import Counts
from lightning_compose.data.pool import Pool, Rows
from lightning_compose.seeding import generator


class Plan:
    """The order of a run whose samples come from several pools, at each step in numbers of its own.

    Within a step the samples of all pools are shuffled, drawn by (seed, step); each pool gives its rows in its own
    order, each once a pass, however many of them a step takes. After the last step its numbers go on: workers read
    ahead of the training's end.

    Args:
        pools: By name.
        counts: Samples that each step takes from each pool, ``[steps, pools]``; all steps take as many in all.
        seed: The run's seed.
    """

    def __init__(self, pools: Mapping[str, Pool], counts: Counts, seed: int) -> None:
        self.pools = dict(pools)
        self.counts = counts
        self.seed = seed
        self.global_batch_size = int(counts[0].sum())
        self._taken = np.concatenate([np.zeros_like(counts[:1]), counts.cumsum(axis=0)])
        self._step_rows: tuple[int, list[int]] = (-1, [])

    def row(self, global_index: int) -> int:
        """Return the row of the sample with this global index, in ``[0, infinity)``."""
        step, position = divmod(global_index, self.global_batch_size)
        # The indices of a micro-batch follow one another.
        if self._step_rows[0] != step:
            self._step_rows = step, self.rows_of_step(step)
        return self._step_rows[1][position]

    def rows_of_step(self, step: int) -> list[int]:
        """Return the rows of a step's global batch, in the order of its samples."""
        rows = [
            pool.row(first + nth)
            for pool, first, count in zip(
                self.pools.values(), self.taken(step).tolist(), self._counts_of(step).tolist(), strict=True
            )
            for nth in range(count)
        ]
        return [rows[each] for each in self._mix(step)]

    def replacements(self, global_index: int) -> Iterator[int]:
        """Draw rows without end, of the pool that gave this sample, to take in its place."""
        step, position = divmod(global_index, self.global_batch_size)
        ends = self._counts_of(step).cumsum()
        place = np.searchsorted(ends, self._mix(step)[position], side="right")
        return list(self.pools.values())[place].replacements(global_index)

    def taken(self, steps: int) -> Counts:
        """Return how many samples the first `steps` steps take from each pool, ``[pools]``."""
        beyond = max(0, steps - len(self.counts))
        return self._taken[steps - beyond] + beyond * self.counts[-1]

    def digests(self, steps: int) -> dict[str, str]:
        """Return a digest of what each pool gave in the first `steps` steps; a pool that gave nothing has none.

        Two plans of one seed whose digests are equal have the same past, whatever is still to come.
        """
        begun = [name for name, taken in zip(self.pools, self.taken(steps), strict=True) if taken]
        return {name: self._digest(name, place, steps) for place, name in enumerate(begun)}

    def _counts_of(self, step: int) -> Counts:
        return self.counts[min(step, len(self.counts) - 1)]

    def _mix(self, step: int) -> Rows:
        return generator(self.seed, "mix", step).permutation(self.global_batch_size)

    def _digest(self, name: str, place: int, steps: int) -> str:
        digest = blake2b(f"{place}/{steps}".encode(), digest_size=16)
        digest.update(self.counts[:steps, list(self.pools).index(name)].astype("<i8").tobytes())
        digest.update(self.pools[name].rows.astype("<i8").tobytes())
        return digest.hexdigest()

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_step_rows": (-1, [])}


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

    Every row comes exactly once, and sizes differ by at most one: means over the rows are the same for any ranks. Only
    where there are fewer rows than ranks are rows repeated.

    Args:
        rows: ``[n]``.
        micro_batch_size: The most rows a batch may have, but for 1: an odd row is then beside another one, which takes
            less memory than one row does in training.
    """
    if len(rows) == 0:
        return []
    enough_rounds = -(-len(rows) // (world_size * micro_batch_size))
    rounds = min(enough_rounds, max(len(rows) // world_size, 1))
    batches = rounds * world_size
    enough = rows if len(rows) >= batches else np.resize(rows, batches)
    return np.array_split(enough, batches)
