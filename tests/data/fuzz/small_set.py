"""A small real set to damage, packed and indexed without any of the package's checks, as an attacker would."""

import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lightning_compose.data.images import decode_image
from lightning_compose.data.schema import Sample
from lightning_compose.data.shards.members import SLOTS, SUFFIXES
from lightning_compose.data.shards.table import ABSENT, INDEX, TABLE, Shard, join_rows, shard_rows, write_index
from lightning_compose.shapes.generate import generate

Contents = dict[str, bytes]
# Two shards; a sample is the bytes of its members by suffix.
Shards = dict[str, dict[str, Contents]]
SIDE_PX = 32
FORMATS = {"webp": {"format": "WEBP", "lossless": True}, "jpg": {"format": "JPEG"}, "png": {"format": "PNG"}}


@dataclass
class Target:
    """A set that a mutation may damage: its folder, what lies in it, and one of its shards."""

    root: Path
    shards: Shards
    shard: str

    @property
    def tar(self) -> Path:
        return self.root / self.shard

    @property
    def samples(self) -> dict[str, Contents]:
        return self.shards[self.shard]

    def change_tar(self, change: Callable[[bytearray], bytes | bytearray]) -> None:
        """Replace the tar's bytes, and hide it from the index's check of sizes."""
        self.tar.write_bytes(change(bytearray(self.tar.read_bytes())))
        self.change_index(lambda fields: self._set_size(fields))

    def change_index(self, change: Callable[[Any], Any]) -> None:
        """Replace what `index.json` holds by what `change` returns, or changes in place."""
        path = self.root / INDEX
        fields = json.loads(path.read_text())
        changed = change(fields)
        path.write_text(json.dumps(fields if changed is None else changed))

    def sign_table(self) -> None:
        """Let `index.json` vouch for whatever the table is now."""
        digest = hashlib.sha256((self.root / TABLE).read_bytes()).hexdigest()
        self.change_index(lambda fields: fields.update(table_sha256=digest))

    def repack(self) -> None:
        """Write tar and index anew from `shards`, checksums and all."""
        write_set(self.root, self.shards)

    def _set_size(self, fields: Any) -> None:
        for each in fields["shards"]:
            if each["path"] == self.shard:
                each["bytes"] = self.tar.stat().st_size


def small_shards() -> Shards:
    """Render six samples with images of all formats, and with masks."""
    samples = list(generate(0, "train", range(0, 60, 10), SIDE_PX))
    formats = list(FORMATS) * 2
    contents = {each.key: _contents(each, suffix) for each, suffix in zip(samples, formats, strict=True)}
    keys = sorted(contents)
    return {
        "complex/000000.tar": {key: contents[key] for key in keys[:2]},
        "single/000000.tar": {key: contents[key] for key in keys[2:]},
    }


def write_set(root: Path, shards: Shards) -> None:
    """Pack and index whatever it is."""
    done = []
    for number, (path, samples) in enumerate(shards.items()):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        members = [(f"{key}.{suffix}", data) for key, each in samples.items() for suffix, data in each.items()]
        (root / path).write_bytes(packed(members))
        data = (root / path).read_bytes()
        rows = [_row(data, number, key, each) for key, each in samples.items()]
        done.append((Shard(path, len(rows), len(data), hashlib.sha256(data).hexdigest()), shard_rows(rows)))
    write_index(root, [shard for shard, _ in done], join_rows([rows for _, rows in done]))


def packed(members: Iterable[tuple[str, bytes]]) -> bytes:
    """Return a tar of these members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def encoded(pixels: np.ndarray, suffix: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, **(FORMATS[suffix] | options))
    return buffer.getvalue()


def _contents(sample: Sample, suffix: str) -> Contents:
    images = {"positive": sample.positive, "negative": sample.negative}
    found = {f"{role}.{suffix}": encoded(decode_image(each), suffix) for role, each in images.items() if each}
    return found | {"json": sample.annotation.to_json()}


def _row(data: bytes, shard: int, key: str, contents: Contents) -> tuple[Any, ...]:
    members = [ABSENT] * len(SLOTS)
    for suffix, content in contents.items():
        slot = suffix.split(".")[0]
        if suffix in SUFFIXES:
            offset = _offset(data, f"{key}.{suffix}")
            members[SLOTS.index(slot)] = SUFFIXES.index(suffix), offset, len(content), zlib.crc32(content)
    return key.encode()[:64], shard, 0, 0, 0, members


def _offset(data: bytes, name: str) -> int:
    return data.index(name.encode().ljust(100, b"\0")) + tarfile.BLOCKSIZE
