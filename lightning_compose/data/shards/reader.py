"""Shards to samples: any row at once, by its offset, each member checked against its checksum."""

from __future__ import annotations

import os
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from lightning_compose.data.remote.downloads import Downloads
from lightning_compose.data.schema import Annotation, EncodedImage, Sample
from lightning_compose.data.shards.error import ShardError, located
from lightning_compose.data.shards.files import files_of
from lightning_compose.data.shards.members import MAX_MEMBER_BYTES, SUFFIXES
from lightning_compose.data.shards.table import how_to_index, map_table, parse_index


class ShardSet:
    """A set of shards, read by row.

    It may be pickled, and shared with forked processes: reading moves no file position.

    Args:
        root: The set's folder, with its index, or its URL: ``s3://``, ``gs://``, ``https://``, ``http://`` or
            ``hf://``. Shards behind a URL are fetched when they are first read.
        downloads: Where to; None = the default folder, without a limit.

    Raises:
        ShardError: When there is no index, or it does not describe the shards that are there.
        FetchError: When the index cannot be fetched.
    """

    def __init__(self, root: str | os.PathLike[str], downloads: Downloads | None = None) -> None:
        self.files = files_of(root, downloads)
        index = parse_index(self.files.header(), self.files.root)
        for shard in index.shards:
            self.files.require(shard)
        self.shards = index.shards
        self._table_path = self.files.table(index.table_sha256)
        self._map()

    def _map(self) -> None:
        self.root = self.files.root
        self.table = map_table(self._table_path, self.root)
        self._descriptors: OrderedDict[int, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self.table)

    def __getstate__(self) -> dict[str, Any]:
        # What was read of the index, not where from: it may be another one by now.
        return {name: getattr(self, name) for name in ("files", "shards", "_table_path")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._map()

    def __del__(self) -> None:
        for descriptor in getattr(self, "_descriptors", {}).values():
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
        if shard not in self._descriptors:
            if len(self._descriptors) >= self.files.max_open:
                os.close(self._descriptors.popitem(last=False)[1])
            self._descriptors[shard] = self.files.open(self.shards[shard])
        self._descriptors.move_to_end(shard)
        return self._descriptors[shard]

    def _path(self, shard: int) -> str | Path:
        return self.files.name(self.shards[shard])

    def _changed(self, shard: int, member: str, reason: str, found: str) -> ShardError:
        return ShardError(
            self._path(shard),
            member,
            reason,
            f"Expected the member as it was indexed, got {found}. Restore the shard; or, if it was meant to change: "
            f"{how_to_index(self.root)}",
        )
