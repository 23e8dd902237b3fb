"""Shards to samples: any row at once, by its offset, each member checked against its checksum."""

from __future__ import annotations

import os
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lightning_compose.data.remote.downloads import Downloads
from lightning_compose.data.schema import ANNOTATION, NEGATIVE, POSITIVE, Annotation, EncodedImage, Sample
from lightning_compose.data.shards.error import ShardError, located
from lightning_compose.data.shards.files import files_of
from lightning_compose.data.shards.members import MAX_MEMBER_BYTES, SLOTS, SUFFIXES
from lightning_compose.data.shards.rows import Rows, decoded_key
from lightning_compose.data.shards.table import how_to_restore, map_table, parse_index

_EXTENSIONS = tuple(suffix.split(".")[-1] for suffix in SUFFIXES)


class ShardSet:
    """A set of shards, read by row.

    It may be pickled, and shared with forked processes: reading moves no file position.

    Args:
        root: The set's folder, with its index, or its URL: ``s3://``, ``gs://``, ``https://``, ``http://`` or
            ``hf://``. Shards behind a URL are fetched when they are first read.
        downloads: Where to; None = the default folder, without a limit.
        all_there: Whether to require all shards of the index; else whoever reads from one that lacks meets the error.

    Raises:
        ShardError: When there is no index, or it does not describe the shards that are there.
        FetchError: When the index cannot be fetched.
    """

    def __init__(
        self, root: str | os.PathLike[str], downloads: Downloads | None = None, all_there: bool = True
    ) -> None:
        self.files = files_of(root, downloads)
        index = parse_index(self.files.header(), self.files.root)
        for shard in index.shards if all_there else ():
            self.files.require(shard)
        self.shards = index.shards
        self._table_path = self.files.table(index.table_sha256)
        self._map()

    def _map(self) -> None:
        self.root = self.files.root
        self.table = map_table(self._table_path, self.root)
        self._rows = Rows(self.table, self.shards, self.root)
        self._descriptors: OrderedDict[int, int] = OrderedDict()
        self._names: dict[int, str | Path] = {}

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
        key, shard, _ = self._rows[row]
        return decoded_key(self._path(shard), key)

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
        key, shard, members = self._read(row)
        if POSITIVE not in members:
            raise self._partial(shard, key, POSITIVE)
        return Sample(key, self._parsed(shard, key, members), members[POSITIVE], members.get(NEGATIVE))

    def annotation(self, row: int) -> Annotation:
        """Read one sample's annotation, and none of its images.

        Args:
            row: In ``[0, len(self))``.

        Raises:
            ShardError: When it cannot be read, has changed since it was indexed, or breaks the schema.
        """
        key, shard, members = self._read(row, (ANNOTATION,))
        return self._parsed(shard, key, members)

    def read_members(self, row: int) -> dict[str, EncodedImage]:
        """Read one sample's members by their slots, checked against their checksums but not parsed.

        Args:
            row: In ``[0, len(self))``.

        Raises:
            ShardError: When a member cannot be read, or has changed since it was indexed.
        """
        return self._read(row)[2]

    def _read(self, row: int, slots: Sequence[str] = SLOTS) -> tuple[str, int, dict[str, EncodedImage]]:
        entry = self._rows[row]
        shard, key = entry.shard, decoded_key(self._path(entry.shard), entry.key)
        members = {
            slot: self._read_member(key, shard, *member)
            for slot, member in zip(SLOTS, entry.members, strict=True)
            if member[2] >= 0 and slot in slots
        }
        return key, shard, members

    def _parsed(self, shard: int, key: str, members: dict[str, EncodedImage]) -> Annotation:
        if ANNOTATION not in members:
            raise self._partial(shard, key, ANNOTATION)
        with located(self._path(shard), f"{key}.{ANNOTATION}"):
            return Annotation.from_json(members[ANNOTATION].data)

    def _read_member(self, key: str, shard: int, suffix: int, offset: int, size: int, crc32: int) -> EncodedImage:
        name = f"{key}.{SUFFIXES[suffix]}"
        try:
            data = self._checked_bytes(shard, name, offset, size, crc32)
        except ShardError:
            if not self._healed(shard):
                raise
            data = self._checked_bytes(shard, name, offset, size, crc32)
        return EncodedImage(_EXTENSIONS[suffix], data)

    def _healed(self, shard: int) -> bool:
        if shard not in self._descriptors or not self.files.heals(self.shards[shard], self._descriptors[shard]):
            return False
        os.close(self._descriptors.pop(shard))
        return True

    def _checked_bytes(self, shard: int, name: str, offset: int, size: int, crc32: int) -> bytes:
        data = self._read_bytes(shard, name, offset, size)
        if zlib.crc32(data) != crc32:
            raise self._changed(shard, name, "crc32_mismatch", "bytes with another crc32")
        return data

    def _read_bytes(self, shard: int, member: str, offset: int, size: int) -> bytes:
        # Checked first: a forged size would make pread ask for that much memory.
        data = self._pread(shard, member, offset, size) if size <= MAX_MEMBER_BYTES else b""
        if len(data) != size:
            raise self._changed(shard, member, "truncated", f"{len(data):,} of {size:,} bytes")
        return data

    def _pread(self, shard: int, member: str, offset: int, size: int) -> bytes:
        descriptor = self._descriptor(shard)
        try:
            return os.pread(descriptor, size, offset)
        except OSError as error:
            found = f"Expected the member's bytes, got {error}. Check the disk, or restore the shard."
            raise ShardError(self._path(shard), member, "unreadable", found) from error

    def _descriptor(self, shard: int) -> int:
        if shard not in self._descriptors:
            if len(self._descriptors) >= self.files.max_open:
                os.close(self._descriptors.popitem(last=False)[1])
            self._descriptors[shard] = self.files.open(self.shards[shard])
        self._descriptors.move_to_end(shard)
        return self._descriptors[shard]

    def _path(self, shard: int) -> str | Path:
        if shard not in self._names:
            self._names[shard] = self.files.name(self.shards[shard])
        return self._names[shard]

    def _partial(self, shard: int, key: str, slot: str) -> ShardError:
        message = f"Expected a positive and a json for every key, found no {slot}."
        return ShardError(self._path(shard), key, "partial_sample", message)

    def _changed(self, shard: int, member: str, reason: str, found: str) -> ShardError:
        return ShardError(
            self._path(shard),
            member,
            reason,
            f"Expected the member as it was indexed, got {found}. {how_to_restore(self.root)}",
        )
