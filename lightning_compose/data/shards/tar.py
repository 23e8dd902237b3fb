"""A tar as a list of plain files. Strict: `tarfile` alone takes a broken header in the middle for the end."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from lightning_compose.data.shards.error import ShardError
from lightning_compose.data.shards.members import MAX_MEMBER_BYTES

_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_END_BYTES = 2 * tarfile.BLOCKSIZE
_CHUNK_BYTES = 2**20
# Long names and PAX headers: some hundred bytes. What tarfile does with them is quadratic in their length.
_MAX_EXTENSION_BYTES = 4096
_EXTENSIONS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class TarMember(NamedTuple):
    """A plain file in a tar; `offset` and `size` are those of its data, in bytes."""

    name: str
    offset: int
    size: int


class _Header(tarfile.TarInfo):
    """A header whose extension is of a bearable size; tarfile itself reads as much as the header says."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        header = super().frombuf(buf, encoding, errors)
        if header.type in _EXTENSIONS and header.size > _MAX_EXTENSION_BYTES:
            raise ValueError(f"an extended header has {header.size:,} bytes, more than {_MAX_EXTENSION_BYTES:,}")
        return header


def list_members(path: Path) -> list[TarMember]:
    """List all members by their headers, without reading their data.

    Raises:
        ShardError: When the tar is compressed, damaged, cut, or holds anything but plain files of a bearable size.
    """
    with path.open("rb") as file:
        _refuse_compressed(path, file)
        try:
            with tarfile.TarFile(fileobj=file, mode="r", tarinfo=_Header) as tar:
                members = list(_plain_files(path, tar))
                _require_end(path, file, tar.offset)
        except ShardError:
            raise
        except (tarfile.TarError, ValueError, OverflowError) as error:  # Forged numbers reach seek and int unchecked.
            raise _damaged(path, str(error)) from error
    return members


def _refuse_compressed(path: Path, file: BinaryIO) -> None:
    magic = file.read(8)
    file.seek(0)
    for start, name in _COMPRESSED.items():
        if magic.startswith(start):
            raise ShardError(
                path,
                None,
                "compressed",
                f"Expected a plain tar, got {name} data. Decompress it: members are compressed.",
            )


def _plain_files(path: Path, tar: tarfile.TarFile) -> Iterator[TarMember]:
    end = 0
    while (member := tar.next()) is not None:
        # A negative size would send tarfile back to where it was, for ever.
        if member.size < 0 or member.offset_data < end:
            raise _damaged(path, f"member {member.name!r} has a size of {member.size} bytes")
        end = member.offset_data + member.size
        _require_plain_file(path, member)
        yield TarMember(member.name, member.offset_data, member.size)
        # tarfile keeps all it has seen: of millions of small members that is twice the file.
        tar.members.clear()  # type: ignore[attr-defined]


def _require_plain_file(path: Path, member: tarfile.TarInfo) -> None:
    if member.issparse():
        raise ShardError(path, member.name, "sparse", "Expected a plain file, got a sparse one. Pack without --sparse.")
    if not member.isreg():
        raise ShardError(
            path,
            member.name,
            "not_a_file",
            f"Expected a plain file, got a folder, link or device (tar type {member.type.decode('latin-1')!r}). "
            "Pack the files alone.",
        )
    if member.size > MAX_MEMBER_BYTES:
        raise ShardError(
            path,
            member.name,
            "member_too_large",
            f"Expected at most {MAX_MEMBER_BYTES:,} bytes, got {member.size:,}. Encode the image smaller.",
        )


def _require_end(path: Path, file: BinaryIO, offset: int) -> None:
    """Require that from `offset` on, where no header could be read, there is an end marker and nothing else."""
    file.seek(offset)
    length = 0
    while chunk := file.read(_CHUNK_BYTES):
        if chunk.strip(b"\x00"):
            at = offset + length + len(chunk) - len(chunk.lstrip(b"\x00"))
            raise _damaged(path, f"no valid header at byte {offset:,}, but data at byte {at:,}")
        length += len(chunk)
    if length < _END_BYTES:
        raise _damaged(path, f"it ends at byte {offset + length:,} without an end marker: it was cut")


def _damaged(path: Path, found: str) -> ShardError:
    return ShardError(path, None, "damaged_tar", f"Expected a whole tar, but {found}. Copy or pack the shard again.")
