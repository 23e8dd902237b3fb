"""The index of a set: `index.json` lists the shards, `index.npy` holds one row a sample.

Both are plain data: the table is mapped into memory, so that a million samples open at once, and never pickled.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from lightning_compose.data.durable import flush_folder, replaced
from lightning_compose.data.schema import CATEGORIES, FORMAT_VERSION, STAGES, Annotation
from lightning_compose.data.shards.error import ShardError
from lightning_compose.data.shards.members import MAX_KEY_BYTES, SLOTS, SUFFIXES
from lightning_compose.data.shards.npy import map_rows, read_header

INDEX, TABLE = "index.json", "index.npy"
_KEY_BYTES = re.compile(r"'key', '\|S(\d{1,2})'")
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


class Index(NamedTuple):
    """What `index.json` says."""

    shards: tuple[Shard, ...]
    table_sha256: str


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


def write_index(
    root: Path, shards: list[Shard], table: np.ndarray, refused: Sequence[Mapping[str, str | None]] = ()
) -> None:
    """Write both files under temporary names and rename them, `index.json` last.

    Args:
        root: The set's folder.
        shards: In their order.
        table: A row a sample.
        refused: What was left out; nothing is written of nothing.
    """
    with replaced(root / TABLE) as file:
        np.save(file, table, allow_pickle=False)
    header = {
        "format_version": FORMAT_VERSION,
        "table_sha256": file_sha256(root / TABLE),
        "suffixes": SUFFIXES,
        "shards": [dataclasses.asdict(shard) for shard in shards],
        **({"refused": refused} if refused else {}),
    }
    with replaced(root / INDEX) as file:
        # The names of refused members need not be Unicode; what cannot be encoded is written as JSON escapes it.
        file.write(json.dumps(header, ensure_ascii=False, indent=1).encode(errors="backslashreplace") + b"\n")
    flush_folder(root)


def parse_index(text: bytes, root: str | Path) -> Index:
    """Read `index.json`.

    Args:
        text: Its content.
        root: The set's folder or URL, for messages.

    Raises:
        ShardError: With reason ``stale_index``.
    """
    try:
        fields = json.loads(text)
        version, suffixes = fields["format_version"], tuple(fields["suffixes"])
        index = Index(tuple(Shard(**each) for each in fields["shards"]), fields["table_sha256"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise stale_index(root, f"{INDEX} cannot be read: {error!r}") from error
    if (version, suffixes) != (FORMAT_VERSION, SUFFIXES):
        raise stale_index(
            root,
            f"{INDEX} has format version {version} and suffixes {list(suffixes)}, this package reads version "
            f"{FORMAT_VERSION} and {list(SUFFIXES)}",
        )
    for shard in index.shards:
        _require_sound(root, shard)
    return index


def map_table(path: Path, root: str | Path) -> np.ndarray:
    """Map the table into memory.

    Args:
        path: Of a file with the checksum that the index names.
        root: The set's folder or URL, for messages.

    Raises:
        ShardError: With reason ``stale_index``.
    """
    try:
        key_bytes = _KEY_BYTES.search(read_header(path)[0])
        return map_rows(path, row_dtype(int(key_bytes[1]) if key_bytes else 1))
    except ValueError as error:
        raise stale_index(root, f"{TABLE} cannot be read: {error}") from error


def require_folder(root: Path) -> None:
    """Require that a set's folder exists.

    Raises:
        ShardError: With reason ``no_such_folder``.
    """
    if not root.is_dir():
        raise ShardError(
            root,
            None,
            "no_such_folder",
            "Expected a folder of shards, found none. Give the folder that holds the tars, or make a set with "
            "`python -m lightning_compose shapes` or `shards pack`.",
        )


def stale_index(root: str | Path, found: str) -> ShardError:
    """Return the error of an index that does not fit its shards."""
    message = f"Expected the index to fit the shards, but {found}. {how_to_index(root)}"
    return ShardError(root, None, "stale_index", message)


def how_to_index(root: str | Path) -> str:
    """Say how a set, in a folder or behind a URL, gets its index."""
    if isinstance(root, Path):
        return f"Run `python -m lightning_compose shards index {root}`."
    return f"Run `python -m lightning_compose shards index` on the set's folder and upload {INDEX} and {TABLE} again."


def how_to_restore(root: str | Path) -> str:
    """Say what to do about a shard that is not as it was indexed: to index what is left would make a loss lasting."""
    return f"Restore the shard; or, if it was meant to change: {how_to_index(root)}"


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require_sound(root: str | Path, shard: Shard) -> None:
    relative = PurePosixPath(shard.path)
    if relative.is_absolute() or ".." in relative.parts:
        raise stale_index(root, f"it names {shard.path!r}, which lies outside of the folder")
    # What an error message and a URL can hold.
    if not shard.path.isprintable() or not isinstance(shard.bytes, int) or shard.bytes < 0:
        raise stale_index(root, f"it describes {shard.path!r} with {shard.bytes!r} bytes")
