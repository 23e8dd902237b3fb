"""Samples to shards: the same input gives the same bytes, and what has a final name is whole."""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np

from lightning_compose.data.durable import flush_file, flush_folder
from lightning_compose.data.images import image_size
from lightning_compose.data.schema import ANNOTATION, NEGATIVE, POSITIVE, EncodedImage, Sample, SampleError
from lightning_compose.data.shards.error import ShardError
from lightning_compose.data.shards.members import SLOTS, SUFFIXES, check_key, check_masks
from lightning_compose.data.shards.table import (
    ABSENT,
    INDEX,
    Member,
    Row,
    Shard,
    file_sha256,
    join_rows,
    sample_row,
    shard_rows,
    write_index,
)
from lightning_compose.data.shards.tar_writer import TarWriter


class ShardWriter:
    """Write a set of shards: `with ShardWriter(root) as writer: writer.write(sample)`.

    Everything is written under temporary names and renamed on leaving, the index last; an exception leaves nothing.

    Args:
        root: The set's folder. It may exist, but must not hold a set yet.
        samples_per_shard: Where a stage's tar is closed and the next one begun.
    """

    def __init__(self, root: str | os.PathLike[str], samples_per_shard: int = 1000) -> None:
        if samples_per_shard < 1:
            raise ValueError(f"Expected at least one sample a shard, got {samples_per_shard}.")
        self._root = Path(root)
        self._samples_per_shard = samples_per_shard
        self._open: dict[str, _OpenShard] = {}
        self._done: list[tuple[Shard, np.ndarray]] = []
        self._keys: set[str] = set()

    def __enter__(self) -> ShardWriter:
        _require_no_set(self._root)
        self._root.mkdir(parents=True, exist_ok=True)
        self._temporary = Path(tempfile.mkdtemp(prefix=".writing-", dir=self._root))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            for stage in list(self._open):
                self._close(stage)
            if kind is None:
                self._publish()
        finally:
            shutil.rmtree(self._temporary)

    def write(self, sample: Sample) -> None:
        """Append one sample to its stage's shard.

        Raises:
            SampleError: When the indexer would refuse it: a bad or second key, an image that cannot be opened,
                a mask that does not fit.
        """
        check_key(sample.key)
        if sample.key in self._keys:
            raise SampleError("duplicate_key", f"Expected every key once in a set, got {sample.key!r} again.")
        _check_content(sample)
        self._keys.add(sample.key)
        stage = sample.annotation.stage
        shard = self._open.get(stage) or self._begin(stage)
        shard.add(sample)
        if len(shard.rows) == self._samples_per_shard:
            self._close(stage)

    def _begin(self, stage: str) -> _OpenShard:
        number = sum(shard.path.startswith(f"{stage}/") for shard, _ in self._done)
        self._open[stage] = _OpenShard(self._temporary, f"{stage}/{number:06d}.tar")
        return self._open[stage]

    def _close(self, stage: str) -> None:
        self._done.append(self._open.pop(stage).close())

    def _publish(self) -> None:
        if not self._done:
            raise ShardError(self._root, None, "empty_set", "Expected at least one sample to write, got none.")
        self._done.sort(key=lambda done: done[0].path)
        for shard, _ in self._done:
            target = self._root / shard.path
            target.parent.mkdir(exist_ok=True)
            (self._temporary / shard.path).rename(target)
            flush_folder(target.parent)
        write_index(self._root, [shard for shard, _ in self._done], join_rows([rows for _, rows in self._done]))


class _OpenShard:
    """One tar in the making, at ``folder / path``."""

    def __init__(self, folder: Path, path: str) -> None:
        self.rows: list[Row] = []
        self._path = path
        self._full_path = folder / path
        self._full_path.parent.mkdir(exist_ok=True)
        self._whole = ExitStack()
        file = self._whole.enter_context(self._full_path.open("wb"))
        self._whole.callback(flush_file, file)
        self._tar = self._whole.enter_context(TarWriter(file))

    def add(self, sample: Sample) -> None:
        members: list[Member] = [ABSENT] * len(SLOTS)
        for slot, image in ((POSITIVE, sample.positive), (NEGATIVE, sample.negative)):
            if image is not None:
                members[SLOTS.index(slot)] = self._add_image(sample.key, slot, image)
        members[SLOTS.index(ANNOTATION)] = self._add_member(sample.key, ANNOTATION, sample.annotation.to_json())
        self.rows.append(sample_row(sample.key, sample.annotation, members))

    def close(self) -> tuple[Shard, np.ndarray]:
        self._whole.close()
        size, sha256 = self._full_path.stat().st_size, file_sha256(self._full_path)
        return Shard(self._path, len(self.rows), size, sha256), shard_rows(self.rows)

    def _add_image(self, key: str, slot: str, image: EncodedImage) -> Member:
        return self._add_member(key, f"{slot}.{image.suffix}", image.data)

    def _add_member(self, key: str, suffix: str, data: bytes) -> Member:
        offset = self._tar.add(f"{key}.{suffix}", data)
        return SUFFIXES.index(suffix), offset, len(data), zlib.crc32(data)


def _check_content(sample: Sample) -> None:
    size = image_size(sample.positive)
    if sample.negative is not None:
        image_size(sample.negative)
    check_masks(sample.annotation, size)


def _require_no_set(root: Path) -> None:
    if root.exists() and not root.is_dir():
        raise ShardError(root, None, "not_a_folder", "Expected a folder to write shards to, got a file.")
    found = next((path for path in (root / INDEX, *sorted(root.glob("*/*.tar"))) if path.exists()), None)
    if found is not None:
        raise ShardError(
            root, None, "set_exists", f"Expected a folder without shards, found {found.name}. Choose another folder."
        )
