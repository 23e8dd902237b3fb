"""Members to a tar, the same bytes for the same members."""

from __future__ import annotations

import io
import tarfile
from types import TracebackType
from typing import BinaryIO


class TarWriter:
    """Write plain files to a tar: `with TarWriter(file) as tar: offset = tar.add(name, data)`.

    Args:
        file: Open for writing, at its start. It is left open, without the end marker if an exception passes.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._tar = tarfile.TarFile(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT)

    def __enter__(self) -> TarWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self._tar.close()

    def add(self, name: str, data: bytes) -> int:
        """Append a file and return the offset of its data."""
        # TarInfo's defaults are fixed: time 0, owner 0, no names. webdataset's own writer sets this mode.
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), 0o444
        offset = self._file.tell() + tarfile.BLOCKSIZE
        self._tar.addfile(member, io.BytesIO(data))
        return offset


def whole_bytes(end: int) -> int:
    """Return how many bytes a tar has whose last file's data ends at `end`."""
    # Two empty blocks end a tar; it is filled up to a whole record.
    blocks = -(-end // tarfile.BLOCKSIZE) + 2
    return -(-blocks * tarfile.BLOCKSIZE // tarfile.RECORDSIZE) * tarfile.RECORDSIZE
