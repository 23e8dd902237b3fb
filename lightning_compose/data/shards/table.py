"""The index of a set: `index.json` lists the shards, `index.npy` holds one row a sample.

Both are plain data: the table is mapped into memory, so that a million samples open at once, and never pickled.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from lightning_compose.data.schema import CATEGORIES, FORMAT_VERSION, STAGES, Annotation
from lightning_compose.data.shards.error import ShardError
from lightning_compose.data.shards.members import MAX_KEY_BYTES, SLOTS, SUFFIXES

INDEX, TABLE = "index.json", "index.npy"
ABSENT = (0, 0, -1, 0)
_MEMBER = np.dtype([("suffix", "u1"), ("offset", "<i8"), ("size", "<i8"), ("crc32", "<u4")])

Member = tuple[int, int, int, int]
Row = tuple[bytes, int, int, int, int, list[Member]]


@dataclass(frozen=True, slots=True)
class Shard:
    """One tar of a set. `path` is relative to the set's folder, with forward slashes."""

    path: str
    samples: int
    bytes: int
    sha256: str


def row_dtype(key_bytes: int) -> np.dtype:
    """Return the type of a row. Members are in the order of `SLOTS`; size -1 means that there is none."""
    return np.dtype(
        [
            ("key", f"S{key_bytes}"),
            ("shard", "<u4"),
            ("stage", "u1"),
            ("category", "u1"),
            ("caption_hash", "<u8"),
            ("members", _MEMBER, (len(SLOTS),)),
        ]
    )


def sample_row(key: str, annotation: Annotation, members: list[Member]) -> Row:
    """Describe one sample; its shard's number is filled in by `join_rows`."""
    stage, category = STAGES.index(annotation.stage), CATEGORIES.index(annotation.category)
    return key.encode(), 0, stage, category, caption_hash(annotation.caption), members


def caption_hash(caption: str) -> int:
    """Hash a caption to 64 bits (BLAKE2b), the same on every machine."""
    return int.from_bytes(hashlib.blake2b(caption.encode(), digest_size=8).digest(), "little")


def shard_rows(rows: list[Row]) -> np.ndarray:
    """Pack the rows of one shard."""
    return np.array(rows, row_dtype(MAX_KEY_BYTES))


def join_rows(parts: list[np.ndarray]) -> np.ndarray:
    """Join the rows of all shards, in the order of the shards."""
    for number, part in enumerate(parts):
        part["shard"] = number
    joined = np.concatenate(parts)
    return joined.astype(row_dtype(int(np.char.str_len(joined["key"]).max())))


def write_index(root: Path, shards: list[Shard], table: np.ndarray) -> None:
    """Write both files under temporary names and rename them, `index.json` last."""
    table_path = root / f".{TABLE}.{os.getpid()}"
    with table_path.open("wb") as file:
        np.save(file, table, allow_pickle=False)
        _flush(file.fileno())
    header = {
        "format_version": FORMAT_VERSION,
        "table_sha256": file_sha256(table_path),
        "suffixes": SUFFIXES,
        "shards": [dataclasses.asdict(shard) for shard in shards],
    }
    index_path = root / f".{INDEX}.{os.getpid()}"
    with index_path.open("w", encoding="utf-8") as file:
        json.dump(header, file, indent=1)
        file.write("\n")
        _flush(file.fileno())
    table_path.rename(root / TABLE)
    index_path.rename(root / INDEX)
    flush_folder(root)


def read_index(root: Path) -> tuple[tuple[Shard, ...], np.ndarray]:
    """Read the index of a set; the table is mapped, not loaded.

    Raises:
        ShardError: When there is none, or it does not describe the shards that are there.
    """
    header = _read_header(root)
    shards = tuple(Shard(**each) for each in header["shards"])
    for shard in shards:
        _require_shard(root, shard)
    table_path = root / TABLE
    if not table_path.is_file() or file_sha256(table_path) != header["table_sha256"]:
        raise stale_index(root, f"{TABLE} is not the one that {INDEX} describes")
    return shards, np.load(table_path, mmap_mode="r", allow_pickle=False)


def stale_index(root: Path, found: str) -> ShardError:
    """Return the error for an index that cannot be used."""
    return ShardError(root, None, "stale_index", f"Expected the index to fit the shards, but {found}. {_how_to(root)}")


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flush_folder(path: Path) -> None:
    """Make renames in a folder survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush(descriptor: int) -> None:
    os.fsync(descriptor)


def _read_header(root: Path) -> dict:
    if not root.is_dir():
        raise ShardError(root, None, "no_such_folder", "Expected a folder of shards, found no such folder.")
    path = root / INDEX
    if not path.is_file():
        raise ShardError(root, None, "no_index", f"Expected {INDEX} in the folder, found none. {_how_to(root)}")
    try:
        header = json.loads(path.read_text("utf-8"))
        version, suffixes = header["format_version"], tuple(header["suffixes"])
    except (ValueError, KeyError, TypeError) as error:
        raise stale_index(root, f"{INDEX} cannot be read: {error!r}") from error
    if version != FORMAT_VERSION or suffixes != SUFFIXES:
        raise stale_index(root, f"{INDEX} has format version {version}, this package reads {FORMAT_VERSION}")
    return header


def _require_shard(root: Path, shard: Shard) -> None:
    relative = PurePosixPath(shard.path)
    if relative.is_absolute() or ".." in relative.parts:
        raise stale_index(root, f"it names {shard.path!r}, which lies outside of the folder")
    path = root / relative
    if not path.is_file():
        raise stale_index(root, f"{shard.path} is missing")
    if path.stat().st_size != shard.bytes:
        raise stale_index(root, f"{shard.path} has {path.stat().st_size:,} bytes instead of {shard.bytes:,}")


def _how_to(root: Path) -> str:
    return f"Run `python -m lightning_compose shards index {root}`."
