"""Index tars that somebody else wrote: every sample is read once and checked, and nothing bad gets a row."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

import numpy as np
from tqdm import tqdm

from lightning_compose.data.bad_samples import OnBadSample
from lightning_compose.data.images import image_size
from lightning_compose.data.schema import ANNOTATION, POSITIVE, Annotation, EncodedImage
from lightning_compose.data.shards.error import ShardError, located
from lightning_compose.data.shards.members import SLOTS, SUFFIXES, check_masks, split_name
from lightning_compose.data.shards.refusals import Refusals, Refused, as_fields
from lightning_compose.data.shards.table import (
    ABSENT,
    Member,
    Row,
    Shard,
    file_sha256,
    join_rows,
    require_folder,
    sample_row,
    shard_rows,
    write_index,
)
from lightning_compose.data.shards.tar import TarMember, list_members

_Found = dict[str, tuple[str, TarMember]]
_Indexed = tuple[Shard, np.ndarray]


def index_shards(
    root: str | os.PathLike[str], progress: bool = True, on_bad_sample: OnBadSample = "raise"
) -> list[Refused]:
    """Check every tar under a folder and write the index beside them.

    Args:
        root: The set's folder; tars may lie in it and in folders below it. An index that is there is replaced.
        progress: Show a progress bar, in bytes.
        on_bad_sample: Whether the first shard or sample that is refused ends it, and no index is written; or is left
            out, a sample as a whole, and noted in the index.

    Returns:
        What was left out.

    Raises:
        ShardError: For the first shard, member or sample that is refused; when none is left.
    """
    root = Path(root)
    refusals = Refusals(root, on_bad_sample)
    paths = _shard_paths(root, refusals)
    total = sum(path.stat().st_size for path in paths)
    with tqdm(total=total, unit="B", unit_scale=True, desc="Indexing", disable=not progress) as bar:
        indexed = [_index_shard(root, path, refusals, bar.update) for path in paths]
    indexed = _without_repeated_keys(root, indexed, refusals)
    if not indexed:
        raise ShardError(root, None, "empty_set", f"Expected a good sample, got {len(refusals.found)} refusals alone.")
    table = join_rows([rows for _, rows in indexed])
    write_index(root, [shard for shard, _ in indexed], table, as_fields(refusals.found))
    return refusals.found


def _shard_paths(root: Path, refusals: Refusals) -> list[Path]:
    require_folder(root)
    visible = sorted(path for path in root.rglob("*") if not path.relative_to(root).parts[0].startswith("."))
    for path in visible:
        if ".tar." in path.name or path.suffix == ".tgz":
            with refusals.of_shard():
                raise ShardError(path, None, "compressed", "Expected plain tars, got a compressed one. Decompress it.")
    paths = [path for path in visible if path.suffix == ".tar" and path.is_file()]
    if not paths:
        raise ShardError(root, None, "empty_set", "Expected tars in the folder, found none. Give the set's folder.")
    return sorted(paths, key=lambda path: path.relative_to(root).as_posix())


def _index_shard(root: Path, path: Path, refusals: Refusals, advance: Callable[[int], object]) -> _Indexed:
    samples: dict[str, _Found] = {}
    with refusals.of_shard():
        samples = _samples(path, list_members(path), refusals)
    rows = []
    with path.open("rb") as file:
        for key, found in samples.items():
            with refusals.of_sample(path, key):
                rows.append(_checked_row(path, file, key, found))
            advance(sum(member.size for _, member in found.values()))
    size = path.stat().st_size
    advance(size - sum(member.size for found in samples.values() for _, member in found.values()))
    return Shard(path.relative_to(root).as_posix(), len(rows), size, file_sha256(path)), shard_rows(rows)


def _samples(path: Path, members: list[TarMember], refusals: Refusals) -> dict[str, _Found]:
    """Group the members of a shard by key, each key to suffix and member by slot."""
    if not members:
        raise ShardError(path, None, "empty_shard", "Expected at least one sample in the tar, found none. Remove it.")
    samples: dict[str, _Found] = {}
    for key, run in groupby(_split(path, members, refusals), key=lambda each: each[0]):
        with refusals.of_sample(path, key):
            found = _slots(path, run)
            if key in samples:
                raise _second_run(path, key, samples[key], found)
            samples[key] = found
    for key, found in samples.items():
        if not refusals.has(path, key):
            with refusals.of_sample(path, key):
                _require_whole(path, key, found)
    return {key: found for key, found in samples.items() if not refusals.has(path, key)}


def _split(path: Path, members: list[TarMember], refusals: Refusals) -> Iterator[tuple[str, str, TarMember]]:
    for member in members:
        # A member that cannot be placed may belong to any sample whose key its name begins with.
        with refusals.of_sample(path, member.name.partition(".")[0]):
            with located(path, member.name):
                key, suffix = split_name(member.name)
            yield key, suffix, member


def _slots(path: Path, run: Iterator[tuple[str, str, TarMember]]) -> _Found:
    found: _Found = {}
    for _, suffix, member in run:
        slot = suffix.split(".")[0]
        if slot in found:
            raise ShardError(
                path,
                member.name,
                "duplicate_member",
                f"Expected one {slot} a key, got {found[slot][1].name} before it.",
            )
        found[slot] = suffix, member
    return found


def _second_run(path: Path, key: str, first: _Found, second: _Found) -> ShardError:
    name = next(iter(second.values()))[1].name
    if first.keys() & second.keys():
        return ShardError(
            path, name, "duplicate_key", f"Expected every key once, got {key!r} again. Rename the sample."
        )
    return ShardError(
        path,
        name,
        "members_not_adjacent",
        f"Expected the members of a sample side by side, got others between those of {key!r}. Pack with --sort=name.",
    )


def _require_whole(path: Path, key: str, found: _Found) -> None:
    for slot in (POSITIVE, ANNOTATION):
        if slot not in found:
            names = ", ".join(member.name for _, member in found.values())
            raise ShardError(
                path, key, "partial_sample", f"Expected a positive and a json for every key, got only {names}."
            )


def _checked_row(path: Path, file: BinaryIO, key: str, found: _Found) -> Row:
    contents: dict[str, bytes] = {}
    members: list[Member] = [ABSENT] * len(SLOTS)
    for slot, (suffix, member) in found.items():
        file.seek(member.offset)
        contents[slot] = file.read(member.size)
        members[SLOTS.index(slot)] = SUFFIXES.index(suffix), member.offset, member.size, zlib.crc32(contents[slot])
    annotation = _checked_annotation(path, found, contents)
    return sample_row(key, annotation, members)


def _checked_annotation(path: Path, found: _Found, contents: dict[str, bytes]) -> Annotation:
    sizes = {}
    for slot, (suffix, member) in found.items():
        if slot != ANNOTATION:
            with located(path, member.name):
                sizes[slot] = image_size(EncodedImage(suffix.split(".")[1], contents[slot]))
    with located(path, found[ANNOTATION][1].name):
        annotation = Annotation.from_json(contents[ANNOTATION])
        check_masks(annotation, sizes[POSITIVE])
    return annotation


def _without_repeated_keys(root: Path, indexed: list[_Indexed], refusals: Refusals) -> list[_Indexed]:
    """Leave out all samples of a key that several shards have: nobody can tell which one is meant."""
    keys = np.concatenate([rows["key"] for _, rows in indexed])
    shards = [shard.path for shard, rows in indexed for _ in rows]
    _, first, group, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    repeated = counts[group] > 1
    # From the last one on, so that what is raised names the shard that has the key already.
    for at in np.flatnonzero(repeated)[::-1]:
        with refusals.of_shard():
            raise _repeated_key(root / shards[at], bytes(keys[at]).decode(), shards[first[group[at]]])
    parts = np.split(~repeated, np.cumsum([len(rows) for _, rows in indexed])[:-1])
    return [
        (replace(shard, samples=int(kept.sum())), rows[kept])
        for (shard, rows), kept in zip(indexed, parts, strict=True)
        if kept.any()
    ]


def _repeated_key(path: Path, key: str, first: str) -> ShardError:
    return ShardError(
        path, key, "duplicate_key", f"Expected every key once in a set, {first} has {key!r} too. Rename it."
    )
