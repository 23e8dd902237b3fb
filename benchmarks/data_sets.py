"""Sets of shards to read: plain WebDataset tars, so that every loader reads the same files."""

from __future__ import annotations

import dataclasses
import io
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from lightning_compose.data.cache.layout import EMPTY_CAPTION, Layout, table_dtype, write_layout
from lightning_compose.data.images import decode_image
from lightning_compose.data.schema import EncodedImage, Sample
from lightning_compose.data.shards import ShardSet, ShardWriter
from lightning_compose.data.shards.table import Shard, write_index
from lightning_compose.data.shards.tar_writer import TarWriter
from lightning_compose.seeding import generator
from lightning_compose.shapes.generate import generate

SHARDS = Path(__file__).parents[1] / "data_shards/shapes"
JPEG_SIDE_PX = 512
SAMPLES_PER_SHARD = 64
# Stable Diffusion 2 at 512 px: moments of 64 KiB for each image of a pair, a text of 154 KiB.
SD2_FEATURES = {
    "positive.moments": (8, 64, 64),
    "negative.moments": (8, 64, 64),
    "text.sequence": (77, 1024),
    "text.pooled": (1024,),
}


@dataclass(frozen=True)
class BenchmarkSet:
    """One set: its folder, its tars in order, and how many samples are in them."""

    root: Path
    tars: list[str]
    samples: int


def raw_set() -> BenchmarkSet:
    """Return the embedded world's pairs: 64 px, 7 KB a sample with its annotation."""
    shards = ShardSet(SHARDS)
    return BenchmarkSet(SHARDS, [str(SHARDS / shard.path) for shard in shards.shards], len(shards))


def jpeg_set(root: Path, samples: int) -> BenchmarkSet:
    """Write pairs of JPEGs of 512 px with the masks of their nouns."""
    with ShardWriter(root, SAMPLES_PER_SHARD) as writer:
        for sample in generate(0, "train", range(samples), JPEG_SIDE_PX):
            writer.write(_as_jpeg(sample))
    shards = ShardSet(root)
    return BenchmarkSet(root, [str(root / shard.path) for shard in shards.shards], len(shards))


def cache_set(root: Path, samples: int) -> BenchmarkSet:
    """Write a feature cache of random numbers, of the sizes that Stable Diffusion 2 has."""
    shards = {}
    rows = []
    for number, start in enumerate(range(0, samples, SAMPLES_PER_SHARD)):
        path = f"{number:06d}.tar"
        keys = [f"{each:09d}" for each in range(start, min(start + SAMPLES_PER_SHARD, samples))]
        rows += [(number, places) for places in _write_features(root / path, keys)]
        shards[path] = (root / path).stat().st_size
    tars = [str(root / path) for path in shards]
    rows += [(len(shards), places) for places in _write_features(root / f"{EMPTY_CAPTION}.tar", [EMPTY_CAPTION])]
    shards[f"{EMPTY_CAPTION}.tar"] = (root / f"{EMPTY_CAPTION}.tar").stat().st_size
    table = np.array(rows, table_dtype(len(SD2_FEATURES)))
    write_layout(root, Layout({}, SD2_FEATURES, shards), table)
    return BenchmarkSet(root, tars, samples)


def large_index(root: Path, samples: int) -> Path:
    """Write a set whose index has `samples` rows, which all lie in one small shard."""
    small = ShardSet(SHARDS)
    first = small.table[small.table["shard"] == 0]
    table = np.resize(first, samples)
    table["key"] = np.char.zfill(np.arange(samples).astype("S9"), 9)
    table["caption_hash"] = np.arange(samples, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    shard = small.shards[0]
    root.mkdir(parents=True)
    (root / "000000.tar").write_bytes((SHARDS / shard.path).read_bytes())
    write_index(root, [Shard("000000.tar", samples, shard.bytes, shard.sha256)], table)
    return root


def _as_jpeg(sample: Sample) -> Sample:
    negative = None if sample.negative is None else _jpeg(sample.negative)
    return dataclasses.replace(sample, positive=_jpeg(sample.positive), negative=negative)


def _jpeg(image: EncodedImage) -> EncodedImage:
    buffer = io.BytesIO()
    Image.fromarray(decode_image(image)).save(buffer, "JPEG", quality=90)
    return EncodedImage("jpg", buffer.getvalue())


def _write_features(path: Path, keys: Iterable[str]) -> list[list[tuple[int, int, int]]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    places = []
    with path.open("wb") as file, TarWriter(file) as tar:
        for number, key in enumerate(keys):
            members = {f"{key}.{name}.npy": _npy(number, shape) for name, shape in SD2_FEATURES.items()}
            places.append([(tar.add(name, data), len(data), zlib.crc32(data)) for name, data in members.items()])
    return places


def _npy(number: int, shape: tuple[int, ...]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, generator(0, "features", number).standard_normal(shape).astype(np.float16))
    return buffer.getvalue()
