"""The rows of a set's table: checked once, as somebody else may have written them, and unpacked one by one."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lightning_compose.data.schema import CATEGORIES, STAGES, SampleError
from lightning_compose.data.shards.error import ShardError
from lightning_compose.data.shards.members import MAX_KEY_BYTES, SLOTS, SUFFIXES, check_key
from lightning_compose.data.shards.table import Member, Shard, row_dtype, stale_index


class Row(NamedTuple):
    """Where the members of one sample lie: `shard` is a number, `members` are in the order of `SLOTS`."""

    key: bytes
    shard: int
    members: tuple[Member, ...]


class Rows:
    """The table as a sequence of rows. NumPy takes ten times as long to take one apart.

    Args:
        table: As mapped from ``index.npy``.
        shards: Those that the rows point into.
        root: The set's folder or URL, for messages.

    Raises:
        ShardError: With reason ``stale_index``, when a row points nowhere.
    """

    def __init__(self, table: np.ndarray, shards: Sequence[Shard], root: str | Path) -> None:
        _require_rows(table, shards, root)
        self._numbers = range(len(table))
        self._bytes = table.view(np.uint8).data
        self._row = struct.Struct(f"<{table.dtype['key'].itemsize}sI10x{'BqqI' * len(SLOTS)}")

    def __getitem__(self, row: int) -> Row:
        key, shard, *places = self._row.unpack_from(self._bytes, self._numbers[row] * self._row.size)
        return Row(key.rstrip(b"\0"), shard, tuple(zip(*[iter(places)] * 4, strict=True)))


def decoded_key(path: str | Path, key: bytes) -> str:
    """Return a key as text.

    Args:
        path: The shard's, for messages.
        key: As it stands in the table.

    Raises:
        ShardError: When no set may have such a key.
    """
    try:
        text = key.decode()
        check_key(text)
    except UnicodeDecodeError as error:
        raise ShardError(path, repr(key), "bad_key", f"Expected a key in UTF-8, got {key!r}.") from error
    except SampleError as error:
        raise ShardError(path, repr(key), error.reason, str(error)) from error
    return text


def _require_rows(table: np.ndarray, shards: Sequence[Shard], root: str | Path) -> None:
    kinds = [row_dtype(length) for length in range(1, MAX_KEY_BYTES + 1)]
    if table.ndim != 1 or table.dtype not in kinds:
        raise stale_index(root, f"its rows have the type {str(table.dtype)[:80]} and the shape {table.shape}")
    for name, limit in (("shard", len(shards)), ("stage", len(STAGES)), ("category", len(CATEGORIES))):
        _require_below(table[name], limit, name, root)
    _require_below(table["members"]["suffix"], len(SUFFIXES), "suffix", root)
    if table["members"]["offset"].min(initial=0) < 0:
        raise stale_index(root, "a row has a negative offset")


def _require_below(column: np.ndarray, limit: int, name: str, root: str | Path) -> None:
    if column.max(initial=0) >= limit:
        raise stale_index(root, f"a row has {name} {column.max()} of {limit}")
