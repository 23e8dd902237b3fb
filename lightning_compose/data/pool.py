"""The order in which a pool of rows gives its samples: a new permutation in every pass."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lightning_compose.seeding import generator

Rows = npt.NDArray[np.int64]

# A micro-batch can straddle two passes; no third one is ever needed at once.
_CACHED_PASSES = 2


class Pool:
    """Rows that are drawn without end, each once a pass, in a permutation drawn by (seed, stream, pass).

    Args:
        rows: Of a shard set, ``[n]``, at least one.
        seed: The run's seed.
        stream: Two pools of different streams have independent orders.
        shards: Of each row, ``[n]``; needed for `shuffle_shards`.
        shuffle_shards: Rows are mixed within windows of so many shards, which are drawn anew in every pass, so that a
            run begins on its first few shards; None = over all of them.

    Raises:
        ValueError: When there are no rows.
    """

    def __init__(
        self,
        rows: Rows,
        seed: int,
        stream: str = "order",
        shards: npt.NDArray[np.integer] | None = None,
        shuffle_shards: int | None = None,
    ) -> None:
        if len(rows) == 0:
            raise ValueError("Expected at least one row to train on, got none. Check the folder and `val_fraction`.")
        self.rows = rows
        self.seed = seed
        self.stream = stream
        self.shards = shards
        self.shuffle_shards = shuffle_shards
        self._orders: dict[int, Rows] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def row(self, nth: int) -> int:
        """Return the n-th row that the pool gives, in ``[0, infinity)``."""
        nth_pass, position = divmod(nth, len(self.rows))
        return int(self.rows[self._order(nth_pass)[position]])

    def replacements(self, global_index: int) -> Iterator[int]:
        """Draw rows of the pool without end, to take in the place of the sample with this global index."""
        draws = generator(self.seed, "replacement", global_index)
        while True:
            yield int(self.rows[draws.integers(len(self.rows))])

    def _order(self, nth_pass: int) -> Rows:
        if nth_pass not in self._orders:
            while len(self._orders) >= _CACHED_PASSES:
                del self._orders[min(self._orders)]
            self._orders[nth_pass] = self._draw_order(generator(self.seed, self.stream, nth_pass))
        return self._orders[nth_pass]

    def _draw_order(self, rng: np.random.Generator) -> Rows:
        order = rng.permutation(len(self.rows))
        if self.shards is None or self.shuffle_shards is None:
            return order
        numbers, shard_of_row = np.unique(self.shards, return_inverse=True)
        window_of_shard = rng.permutation(len(numbers)) // self.shuffle_shards
        return order[np.argsort(window_of_shard[shard_of_row[order]], kind="stable")]

    def __getstate__(self) -> dict[str, object]:
        # Workers draw the permutations again: cheaper than to send them.
        return {**self.__dict__, "_orders": {}}
