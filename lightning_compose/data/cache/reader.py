"""A cache's rows to features: any row at once, each member checked against its checksum."""

from __future__ import annotations

import math
import os
import zlib
from collections import OrderedDict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lightning_compose.data.cache.layout import DTYPE, NEGATIVE_MOMENTS, TEXT, Features, Identity, read_layout
from lightning_compose.data.shards import ShardError

MAX_OPEN_FILES = 64


class FeatureCache:
    """The features of a set, read by the set's rows.

    It may be pickled, and shared with forked processes: reading moves no file position.

    Args:
        root: The cache's folder, as `shards cache` made it.

    Raises:
        ShardError: When it is not whole.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)
        self._layout, self._table = read_layout(self.root)
        self._paths = list(self._layout.shards)
        self._files: OrderedDict[int, int] = OrderedDict()

    def __len__(self) -> int:
        # The last row is the empty caption's.
        return len(self._table) - 1

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.root,)

    def __del__(self) -> None:
        for descriptor in getattr(self, "_files", {}).values():
            os.close(descriptor)

    @property
    def identity(self) -> Identity:
        """What the features depend on."""
        return self._layout.identity

    def read(self, row: int, negatives: bool = True) -> Features:
        """Read the features of one sample, float16 arrays by member.

        Args:
            row: In ``[0, len(self))``.
            negatives: Whether those of its negative too.

        Raises:
            ShardError: When a member cannot be read or has changed, or the sample was bad when the cache was made.
        """
        features = self._read(row, frozenset() if negatives else frozenset({NEGATIVE_MOMENTS}))
        if not features:
            raise ShardError(
                self._path(row),
                None,
                "not_cached",
                f"Expected features of the sample in row {row}, found none: it was bad when the cache was made.",
            )
        return features

    @cached_property
    def empty_caption(self) -> Features:
        """The fields of the empty caption, by their names."""
        features = self._read(len(self), frozenset())
        return {name.removeprefix(TEXT): value for name, value in features.items()}

    def _read(self, row: int, without: frozenset[str]) -> Features:
        members = zip(self._layout.members.items(), self._table[row]["members"].tolist(), strict=True)
        return {
            name: self._member(row, name, shape, *place)
            for (name, shape), place in members
            if name not in without and place[1] >= 0
        }

    def _member(
        self, row: int, name: str, shape: tuple[int, ...], offset: int, size: int, crc32: int
    ) -> np.ndarray[Any, np.dtype[np.float16]]:
        needed = math.prod(shape) * np.dtype(DTYPE).itemsize
        # Checked first: a forged size would make pread ask for that much memory. The rest is NumPy's header.
        data = os.pread(self._descriptor(row), size, offset) if needed <= size <= needed + 4096 else b""
        if len(data) != size or zlib.crc32(data) != crc32:
            raise ShardError(
                self._path(row),
                f"{name} of row {row}",
                "crc32_mismatch" if len(data) == size else "truncated",
                "Expected the features as they were written, got other bytes. Remove this tar and run "
                f"`shards cache` again with --out {self.root}: it makes what is missing.",
            )
        return np.frombuffer(data, f"<{np.dtype(DTYPE).str[1:]}", offset=size - needed).reshape(shape)

    def _descriptor(self, row: int) -> int:
        shard = int(self._table[row]["shard"])
        if shard not in self._files:
            try:
                self._files[shard] = os.open(self._path(row), os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise ShardError(self._path(row), None, "unreadable", f"Expected a tar, got {error}.") from error
        self._files.move_to_end(shard)
        if len(self._files) > MAX_OPEN_FILES:
            os.close(self._files.popitem(last=False)[1])
        return self._files[shard]

    def _path(self, row: int) -> Path:
        return self.root / self._paths[self._table[row]["shard"]]
