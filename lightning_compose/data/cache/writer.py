"""A set to its feature cache, shard by shard: what has its final name is whole, so that a killed run is completed."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lightning_compose.data.bad_samples import OnBadSample
from lightning_compose.data.cache.encoding import DecodedPair, Encoder, encode_empty_caption, encode_pairs
from lightning_compose.data.cache.folder import read_begun, remove_leftovers, require_own_folder
from lightning_compose.data.cache.identity import require_same
from lightning_compose.data.cache.layout import (
    ABSENT,
    BEGUN,
    EMPTY_CAPTION,
    EMPTY_TAR,
    NEGATIVE_MOMENTS,
    POSITIVE_MOMENTS,
    Features,
    Identity,
    Layout,
    part_of,
    read_layout,
    table_dtype,
    tar_bytes,
    write_json,
    write_layout,
)
from lightning_compose.data.durable import flush_folder, replaced
from lightning_compose.data.images import decode_image
from lightning_compose.data.schema import EncodedImage, SampleError
from lightning_compose.data.shards import ShardError, ShardSet
from lightning_compose.data.shards.table import INDEX
from lightning_compose.data.shards.tar_writer import TarWriter
from lightning_compose.data.transforms import Pixels, Placement, Transform

Advance = Callable[[int], object]


@dataclass(frozen=True)
class CacheWriter:
    """Write the features of a set: `begin` once, `write` every shard that is `missing`, in any process, then `finish`.

    Args:
        shards: The set.
        root: The cache's folder.
        size_px: Side of the square images, cut from the center.
        batch_size: Samples that are encoded at once.
        on_bad_sample: Whether one that cannot be used is an error, or has no features.
    """

    shards: ShardSet
    root: Path
    size_px: int
    batch_size: int = 8
    on_bad_sample: OnBadSample = "raise"

    def begin(self, identity: Identity, encoder: Encoder) -> None:
        """Note what the features depend on, and write those of the empty caption; no other process may be writing.

        Raises:
            ValueError: When the folder is no cache, or holds features that depend on something else, whole or begun.
        """
        require_own_folder(self.root, self.shards)
        begun = read_begun(self.root)
        if begun is not None:
            require_same(begun["identity"], identity, self.root)
        remove_leftovers(self.root, self.shards)
        if (self.root / INDEX).is_file() and not self._is_whole():
            (self.root / INDEX).unlink()
        if not (self.root / BEGUN).is_file():
            members = self._shapes(encoder) if begun is None else begun["members"]
            self.root.mkdir(parents=True, exist_ok=True)
            write_json(self.root / BEGUN, {"identity": identity, "members": members})
        if not ((self.root / INDEX).is_file() or self._is_done(EMPTY_TAR, 1)):
            empty = encode_empty_caption(encoder)
            self._write_tar(EMPTY_TAR, self._members(), 1, [(EMPTY_CAPTION, empty)])

    def missing(self) -> list[int]:
        """Return the numbers of the shards whose features are still to be written."""
        if (self.root / INDEX).is_file():
            return []
        shards = enumerate(self.shards.shards)
        return [number for number, shard in shards if not self._is_done(shard.path, shard.samples)]

    def write(self, number: int, encoder: Encoder, advance: Advance = lambda samples: None) -> None:
        """Write the features of one shard.

        Args:
            number: Of the shard.
            encoder: Encodes.
            advance: Told how many samples are done, after each batch.

        Raises:
            ShardError: When a sample is bad.
            ValueError: When a feature is beyond float16.
        """
        rows = np.flatnonzero(self.shards.table["shard"] == number).tolist()
        encoded = self._encoded(rows, encoder, advance)
        self._write_tar(self.shards.shards[number].path, self._members(), len(rows), encoded)

    def finish(self) -> int:
        """Write the index over all shards, unless it is there; return how many samples have no features.

        Raises:
            ValueError: When a shard is still missing.
        """
        if not (self.root / INDEX).is_file():
            self._write_index()
        return int((read_layout(self.root)[1]["members"]["size"] < 0).all(axis=1).sum())

    def _write_index(self) -> None:
        if self.missing():
            raise ValueError(f"Expected features of all shards, {len(self.missing())} are missing. Run it again.")
        paths = [*(shard.path for shard in self.shards.shards), EMPTY_TAR]
        parts = [np.load(self.root / part_of(path), allow_pickle=False) for path in paths]
        for number, part in enumerate(parts):
            part["shard"] = number
        begun = self._begun()
        sizes = {path: (self.root / path).stat().st_size for path in paths}
        write_layout(self.root, Layout(begun["identity"], begun["members"], sizes), np.concatenate(parts))

    def _is_whole(self) -> bool:
        try:
            read_layout(self.root)
        except ShardError:
            return False
        return True

    def _is_done(self, path: str, samples: int) -> bool:
        """Return whether a tar is there, as whole as its rows say."""
        try:
            rows = np.load(self.root / part_of(path), allow_pickle=False)
            size = (self.root / path).stat().st_size
        except (OSError, ValueError, EOFError):
            return False
        fits = rows.dtype == table_dtype(len(self._members())) and len(rows) == samples
        return bool(fits and size == tar_bytes(rows))

    def _shapes(self, encoder: Encoder) -> dict[str, Any]:
        blank = np.zeros((1, 3, self.size_px, self.size_px), dtype=np.uint8)
        moments = encoder.images(blank).shape[1:]
        text = {name: each.shape for name, each in encode_empty_caption(encoder).items()}
        return {POSITIVE_MOMENTS: moments, NEGATIVE_MOMENTS: moments, **text}

    def _begun(self) -> dict[str, Any]:
        return json.loads((self.root / BEGUN).read_text("utf-8"))

    def _members(self) -> list[str]:
        return list(self._begun()["members"])

    def _encoded(self, rows: list[int], encoder: Encoder, advance: Advance) -> Iterator[tuple[str, Features]]:
        for start in range(0, len(rows), self.batch_size):
            batch = {row: self._pair(row) for row in rows[start : start + self.batch_size]}
            encoded = iter(encode_pairs([pair for pair in batch.values() if pair is not None], encoder))
            for row, pair in batch.items():
                yield self.shards.key(row), {} if pair is None else next(encoded)
            advance(len(batch))

    def _pair(self, row: int) -> DecodedPair | None:
        try:
            sample = self.shards.read(row)
            negative = None if sample.negative is None else self._pixels(sample.negative)
            return DecodedPair(sample.key, sample.annotation.caption, self._pixels(sample.positive), negative)
        except (ShardError, SampleError) as error:
            if self.on_bad_sample == "skip":
                return None
            if isinstance(error, ShardError):
                raise
            shard = self.shards.shards[self.shards.table[row]["shard"]].path
            raise ShardError(shard, self.shards.key(row), error.reason, str(error)) from error

    def _pixels(self, image: EncodedImage) -> Pixels:
        return Transform(self.size_px).image(decode_image(image), Placement()).transpose(2, 0, 1)

    def _write_tar(self, path: str, members: list[str], count: int, samples: Iterable[tuple[str, Features]]) -> None:
        table = np.zeros(count, table_dtype(len(members)))
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        # One that is made anew: the rows beside it would be another tar's.
        (self.root / path).unlink(missing_ok=True)
        with replaced(self.root / path) as file:
            with TarWriter(file) as tar:
                for place, (key, features) in enumerate(samples):
                    table["members"][place] = [_add(tar, key, name, features.get(name)) for name in members]
            # Takes its name before the tar does: a tar is done.
            with replaced(self.root / part_of(path)) as part:
                np.save(part, table, allow_pickle=False)
        flush_folder((self.root / path).parent)


def _add(tar: TarWriter, key: str, name: str, features: npt.NDArray[np.float16] | None) -> tuple[int, int, int]:
    if features is None:
        return ABSENT
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(features), allow_pickle=False)
    data = buffer.getvalue()
    return tar.add(f"{key}.{name}.npy", data), len(data), zlib.crc32(data)
