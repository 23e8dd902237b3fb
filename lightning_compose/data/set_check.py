"""Read a whole set as training does, and tell what is amiss with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from tqdm import tqdm

from lightning_compose.data.findings import Finding
from lightning_compose.data.images import decode_image
from lightning_compose.data.noun_masks import noun_masks
from lightning_compose.data.remote.fault import FetchError, is_lasting
from lightning_compose.data.schema import Sample, SampleError
from lightning_compose.data.shards import ShardError, ShardSet
from lightning_compose.data.shards.refusals import read_refused
from lightning_compose.data.shards.table import Shard
from lightning_compose.data.transforms import Placement, Transform

_NOTHING_TO_READ = ("missing_shard", "unreadable", "not_fetched")


def check_set(shards: ShardSet, size_px: int, max_nouns: int, progress: bool = True) -> list[Finding]:
    """Hash every shard, and read and decode every sample.

    Args:
        shards: The set; shards of it may lack.
        size_px: Side of the images in training: in a small one a small mask vanishes.
        max_nouns: Nouns a caption at most in training.
        progress: Show a progress bar, in bytes.

    Returns:
        What was refused when the set was indexed, what is bad now, and nouns without supervision, in that order.
    """
    refused = read_refused(shards.files.header(), shards.root)
    found = [Finding("refused", each.reason, each.shard, each.member or "") for each in refused]
    total = sum(shard.bytes for shard in shards.shards)
    with tqdm(total=total, unit="B", unit_scale=True, desc="Checking", disable=not progress) as bar:
        for number, shard in enumerate(shards.shards):
            damage = _check_shard(shards, shard)
            found += damage
            if any(each.reason in _NOTHING_TO_READ for each in damage):
                bar.update(shard.bytes)
            else:
                found += _check_samples(shards, number, Transform(size_px), max_nouns, bar)
    return sorted(found, key=lambda finding: ("refused", "bad", "unsupervised").index(finding.kind))


def _check_shard(shards: ShardSet, shard: Shard) -> list[Finding]:
    try:
        shards.files.require(shard)
        return _check_hash(shards, shard)
    except ShardError as error:
        return [Finding("bad", error.reason, shard.path, message=error.in_shard)]
    except FetchError as error:
        # Without a network there is nothing to say of the set.
        if not is_lasting(error):
            raise
        return [Finding("bad", "not_fetched", shard.path, message=str(error))]


def _check_hash(shards: ShardSet, shard: Shard) -> list[Finding]:
    if _is_as_indexed(shards, shard):
        return []
    message = "Expected the shard as it was indexed, got another SHA-256. Restore it, or index the set again."
    return [Finding("bad", "sha256_mismatch", shard.path, message=message)]


def _is_as_indexed(shards: ShardSet, shard: Shard) -> bool:
    with open(shards.files.open(shard), "rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() == shard.sha256:
            return True
        damaged_here = shards.files.heals(shard, file.fileno())
    # What is fetched again is checked as it comes.
    return damaged_here and _is_as_indexed(shards, shard)


def _check_samples(shards: ShardSet, number: int, transform: Transform, max_nouns: int, bar: tqdm) -> Iterator[Finding]:
    (rows,) = (shards.table["shard"] == number).nonzero()
    sizes = shards.table["members"]["size"][rows].clip(min=0).sum(axis=1)
    for row, size in zip(rows.tolist(), sizes.tolist(), strict=True):
        yield from _check_sample(shards, row, shards.shards[number].path, transform, max_nouns)
        bar.update(size)
    bar.update(shards.shards[number].bytes - int(sizes.sum()))


def _check_sample(shards: ShardSet, row: int, shard: str, transform: Transform, max_nouns: int) -> Iterator[Finding]:
    try:
        unsupervised = _decode(shards.read(row), transform, max_nouns)
    except SampleError as error:
        yield Finding("bad", error.reason, shard, shards.key(row), message=str(error))
    except ShardError as error:
        yield Finding("bad", error.reason, shard, shards.key(row), message=error.in_shard)
    else:
        for reason, nouns in unsupervised.items():
            yield Finding("unsupervised", reason, shard, shards.key(row), nouns)


def _decode(sample: Sample, transform: Transform, max_nouns: int) -> dict[str, int]:
    size = decode_image(sample.positive).shape[:2]
    if sample.negative is not None:
        decode_image(sample.negative)
    return noun_masks(sample.annotation, size, transform, Placement(), max_nouns)[1]
