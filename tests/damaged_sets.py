"""Ways to damage a set that is whole and indexed."""

import io
import tarfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from lightning_compose.data.shards import ShardSet
from lightning_compose.data.shards.members import SLOTS
from lightning_compose.data.shards.table import Shard, file_sha256, write_index


def shard_file(root: Path, row: int) -> Path:
    shards = ShardSet(root)
    return root / shards.shards[shards.table[row]["shard"]].path


def flip(root: Path, row: int, slot: str) -> None:
    """Change one byte in the middle of a member; the index does not know."""
    member = ShardSet(root).table[row]["members"][SLOTS.index(slot)]
    with shard_file(root, row).open("r+b") as file:
        file.seek(int(member["offset"]) + int(member["size"]) // 2)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 0xFF]))


def forge(root: Path, row: int, slot: str, data: bytes) -> None:
    """Replace a member's content, in an index that says it was always so: who makes an index may not check."""
    shards = ShardSet(root)
    table, path = np.array(shards.table), shard_file(root, row)
    table[row]["members"][SLOTS.index(slot)] = (
        table[row]["members"][SLOTS.index(slot)]["suffix"],
        path.stat().st_size,
        len(data),
        zlib.crc32(data),
    )
    with path.open("ab") as file:
        file.write(data)
    write_index(root, [described(root, shard) for shard in shards.shards], table)


def described(root: Path, shard: Shard) -> Shard:
    path = root / shard.path
    return Shard(shard.path, shard.samples, path.stat().st_size, file_sha256(path))


Content = Sequence[tuple[str, bytes]]


def members_of(path: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(path) as tar:
        return [(member, tar.extractfile(member).read()) for member in tar]


def pack(path: Path, content: Content) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in content:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def repack(path: Path, change: Callable[[Content], Content]) -> None:
    """Write a tar anew from what `change` makes of its names and contents."""
    pack(path, change([(member.name, data) for member, data in members_of(path)]))
