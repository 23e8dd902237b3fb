"""Shards to samples: any row at once, by its offset, each member checked against its checksum."""

from __future__ import annotations

import os
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from lightning_compose.data.schema import Annotation, EncodedImage, Sample
from lightning_compose.data.shards.error import ShardError, located
from lightning_compose.data.shards.members import MAX_MEMBER_BYTES, SUFFIXES
from lightning_compose.data.shards.table import read_index

MAX_OPEN_FILES = 64


class ShardSet:
    """A set of shards, read by row.

    It may be pickled, and shared with forked processes: reading moves no file position.

    Args:
        root: The set's folder, with its index.

    Raises:
        ShardError: When there is no index, or it does not describe the shards that are there.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)
        self.shards, self.table = read_index(self.root)
        self._files: OrderedDict[int, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self.table)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.root,)

    def __del__(self) -> None:
        for descriptor in getattr(self, "_files", {}).values():
            os.close(descriptor)

    def key(self, row: int) -> str:
        """Return the key of a sample."""
        return bytes(self.table[row]["key"]).decode()

    def spread_rows(self, count: int) -> list[int]:
        """Return `count` rows, or all if there are fewer, spread evenly over the set."""
        return np.linspace(0, len(self) - 1, min(count, len(self))).round().astype(int).tolist()

    def read(self, row: int) -> Sample:
        """Read one sample, its images still encoded.

        Args:
            row: In ``[0, len(self))``.

        Raises:
            ShardError: When a member cannot be read, has changed since it was indexed, or breaks the schema.
        """
        entry = self.table[row]
        key, shard = bytes(entry["key"]).decode(), int(entry["shard"])
        positive, negative, annotation = (self._read_member(key, shard, member) for member in entry["members"])
        if positive is None or annotation is None:
            raise ShardError(self._path(shard), key, "partial_sample", "Expected a positive and a json, found one.")
        with located(self._path(shard), f"{key}.{annotation.suffix}"):
            return Sample(key, Annotation.from_json(annotation.data), positive, negative)

    def _read_member(self, key: str, shard: int, member: np.void) -> EncodedImage | None:
        offset, size = int(member["offset"]), int(member["size"])
        if size < 0:
            return None
        suffix = SUFFIXES[member["suffix"]]
        data = self._read_bytes(shard, f"{key}.{suffix}", offset, size)
        if zlib.crc32(data) != member["crc32"]:
            raise self._changed(shard, f"{key}.{suffix}", "crc32_mismatch", "bytes with another crc32")
        return EncodedImage(suffix.split(".")[-1], data)

    def _read_bytes(self, shard: int, member: str, offset: int, size: int) -> bytes:
        # Checked first: a forged size would make pread ask for that much memory.
        data = os.pread(self._descriptor(shard), size, offset) if size <= MAX_MEMBER_BYTES else b""
        if len(data) != size:
            raise self._changed(shard, member, "truncated", f"{len(data):,} of {size:,} bytes")
        return data

    def _descriptor(self, shard: int) -> int:
        if shard not in self._files:
            try:
                self._files[shard] = os.open(self._path(shard), os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise ShardError(self._path(shard), None, "unreadable", f"Expected a shard, got {error}.") from error
        self._files.move_to_end(shard)
        if len(self._files) > MAX_OPEN_FILES:
            os.close(self._files.popitem(last=False)[1])
        return self._files[shard]

    def _path(self, shard: int) -> Path:
        return self.root / self.shards[shard].path

    def _changed(self, shard: int, member: str, reason: str, found: str) -> ShardError:
        return ShardError(
            self._path(shard),
            member,
            reason,
            f"Expected the member as it was indexed, got {found}. Restore the shard, or run "
            f"`python -m lightning_compose shards index {self.root}` if it was meant to change.",
        )
