"""The files of a feature cache: a tar for each shard of the set, one for the empty caption, and an index.

::

    CACHE/
      cache.json               what the features depend on, noted before the first of them
      single/000000.tar        of the same name and keys as the set's
      single/000000.tar.npy    its rows of the index, so that another tar may be made anew
      ...
      empty_caption.tar        what a dropped caption becomes
      index.npy                offset, size and crc32 of every member, in the order of the set's rows
      index.json               what the features depend on, and what each member holds

Members, each float16 in NumPy's format::

    KEY.positive.moments.npy   mean and standard deviation of the latents, [2c, h, w]
    KEY.negative.moments.npy   where the sample has a negative
    KEY.text.FIELD.npy         each field of the encoded caption
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lightning_compose.data.durable import flush_folder, replaced
from lightning_compose.data.shards import ShardError
from lightning_compose.data.shards.npy import map_rows
from lightning_compose.data.shards.table import INDEX, TABLE, file_sha256
from lightning_compose.data.shards.tar_writer import whole_bytes

FORMAT_VERSION = 1
DTYPE = "float16"
BEGUN = "cache.json"
EMPTY_CAPTION = "empty_caption"
EMPTY_TAR = f"{EMPTY_CAPTION}.tar"
POSITIVE_MOMENTS, NEGATIVE_MOMENTS, TEXT = "positive.moments", "negative.moments", "text."
PLACE = np.dtype([("offset", "<i8"), ("size", "<i8"), ("crc32", "<u4")])
ABSENT = (0, -1, 0)

Features = dict[str, npt.NDArray[np.float16]]
Identity = dict[str, Any]


@dataclass(frozen=True)
class Layout:
    """What `index.json` holds.

    Args:
        identity: What the features depend on, as plain types.
        members: The shape of each member by its name, such as ``"text.pooled"``.
        shards: Path and bytes of each tar, in the order of the set's shards; the empty caption's is the last.
    """

    identity: Identity
    members: dict[str, tuple[int, ...]]
    shards: dict[str, int]


def table_dtype(members: int) -> np.dtype:
    """Return the type of a row: its shard, and where each of so many members lies."""
    return np.dtype([("shard", "<u4"), ("members", PLACE, (members,))])


def part_of(tar: str) -> str:
    """Return the path of the rows of one tar."""
    return f"{tar}.npy"


def tar_bytes(rows: np.ndarray) -> int:
    """Return how many bytes the tar has that these rows describe."""
    places = rows["members"][rows["members"]["size"] >= 0]
    return whole_bytes(int((places["offset"] + places["size"]).max(initial=0)))


def write_layout(root: Path, layout: Layout, table: np.ndarray) -> None:
    """Write both files under temporary names and rename them, `index.json` last."""
    with replaced(root / TABLE) as file:
        np.save(file, table, allow_pickle=False)
    header = {
        "format_version": FORMAT_VERSION,
        "table_sha256": file_sha256(root / TABLE),
        "identity": layout.identity,
        "members": layout.members,
        "shards": layout.shards,
    }
    write_json(root / INDEX, header)


def write_json(path: Path, content: Identity) -> None:
    """Write a JSON file that is whole or not there."""
    with replaced(path) as file:
        file.write(json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n")
    flush_folder(path.parent)


def read_layout(root: Path) -> tuple[Layout, np.ndarray]:
    """Read both files; the table is mapped, not loaded.

    Raises:
        ShardError: When there is no whole cache, or its files do not fit each other.
    """
    if not (root / INDEX).is_file():
        raise ShardError(
            root,
            None,
            "no_cache",
            f"Expected a whole feature cache with its {INDEX}, found none. Make it, or let it be completed, by "
            f"`python -m lightning_compose shards cache DIR --config CONFIG --out {root}`.",
        )
    try:
        layout, table_sha256 = _parsed(json.loads((root / INDEX).read_text("utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _broken(root, f"{INDEX} cannot be read: {error!r}") from error
    _require_tars(root, layout)
    return layout, _read_table(root, layout, table_sha256)


def _parsed(fields: dict[str, Any]) -> tuple[Layout, str]:
    if fields["format_version"] != FORMAT_VERSION:
        raise ValueError(f"format version {fields['format_version']}, this package reads {FORMAT_VERSION}")
    members = {str(name): tuple(int(side) for side in shape) for name, shape in fields["members"].items()}
    shards = {str(path): int(size) for path, size in fields["shards"].items()}
    return Layout(dict(fields["identity"]), members, shards), str(fields["table_sha256"])


def _require_tars(root: Path, layout: Layout) -> None:
    for path, size in layout.shards.items():
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise _broken(root, f"it names {path!r}, which lies outside of the folder")
        if not (root / path).is_file() or (root / path).stat().st_size != size:
            raise _broken(root, f"{path} is missing or has not {size:,} bytes")


def _read_table(root: Path, layout: Layout, sha256: str) -> np.ndarray:
    path = root / TABLE
    if not path.is_file() or file_sha256(path) != sha256:
        raise _broken(root, f"{TABLE} is not the one that {INDEX} describes")
    try:
        table = map_rows(path, table_dtype(len(layout.members)))
    except ValueError as error:
        raise _broken(root, f"{TABLE} cannot be read: {error}") from error
    if len(table) < 1 or table["shard"].max() >= len(layout.shards):
        raise _broken(root, f"{TABLE} has no rows, or rows of tars that are not there")
    return table


def _broken(root: Path, found: str) -> ShardError:
    return ShardError(
        root,
        None,
        "broken_cache",
        f"Expected a whole feature cache, but {found}. Give the command that made it again: it mends it, "
        f"`python -m lightning_compose shards cache DIR --config CONFIG --out {root}`.",
    )
