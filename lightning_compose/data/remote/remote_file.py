"""One remote file of a known size and content: fetched range by range, and checked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from lightning_compose.data.remote.client import Patience, read_on, read_range
from lightning_compose.data.remote.fault import CutBodyError, FetchError, fetch_error
from lightning_compose.data.remote.url import join, shown
from lightning_compose.data.remote.web import NoRangesError

# A fetch that is cut goes on after the last whole one; one a second is still 4 MB/s on a line with a long delay.
RANGE_BYTES = 4 * 2**20

Advance = Callable[[int], object]


@dataclass(frozen=True)
class RemoteFile:
    """A file of a remote set.

    Args:
        set_url: Of the set.
        path: Relative to it, with forward slashes.
        bytes: Its size.
        sha256: Of its content, in hexadecimal.
    """

    set_url: str
    path: str
    bytes: int
    sha256: str

    @property
    def url(self) -> str:
        """Its full URL."""
        return join(self.set_url, self.path)

    @property
    def shown(self) -> str:
        """Its URL without what may be secret."""
        return shown(self.url)

    @property
    def name(self) -> str:
        """Its name among the downloads, of the full URL and the content: equal base names are not equal files."""
        key = hashlib.sha256(f"{self.url}\n{self.sha256}".encode()).hexdigest()[:40]
        return key + PurePosixPath(self.path).suffix


def fetch_into(descriptor: int, file: RemoteFile, patience: Patience, advance: Advance) -> None:
    """Fetch what a file still lacks, and check the whole.

    Args:
        descriptor: Of the file as far as it came; open for reading and writing.
        file: What it is to become.
        patience: With the network.
        advance: Called with the bytes that came, those that were there included.

    Raises:
        FetchError: When it cannot be had, or is twice another one than was expected.
    """
    for _ in range(2):
        _fetch_rest(descriptor, file, patience, advance)
        found = content_sha256(descriptor)
        if found == file.sha256:
            return
        # A lost packet that no checksum of the network saw, or what a crash left behind.
        os.ftruncate(descriptor, 0)
        advance(-file.bytes)
    raise FetchError(
        f"Expected {file.shown} with the SHA-256 {file.sha256[:16]}..., got {found[:16]}... twice. If the set was "
        "changed, run `python -m lightning_compose shards index` on it and upload the index, too; else restore it."
    )


def _fetch_rest(descriptor: int, file: RemoteFile, patience: Patience, advance: Advance) -> None:
    position = os.fstat(descriptor).st_size
    if position > file.bytes:
        os.ftruncate(descriptor, 0)
        position = 0
    advance(position)
    try:
        for data in _ranges(file, position, patience):
            position += _write(descriptor, data, position)
            advance(len(data))
    except NoRangesError:
        for data in read_on(file.url, position, patience):
            _require_no_more(file, position, file.bytes, len(data))
            position += _write(descriptor, data, position)
            advance(len(data))
    if position < file.bytes:
        raise fetch_error(file.shown, CutBodyError(f"the file ends at byte {position:,} of {file.bytes:,}"), tries=1)


def _ranges(file: RemoteFile, position: int, patience: Patience) -> Iterator[bytes]:
    while position < file.bytes:
        end = min(position + RANGE_BYTES, file.bytes)
        data = read_range(file.url, position, end, patience)
        _require_no_more(file, position, end, len(data))
        if not data:
            return
        yield data
        position += len(data)


def _require_no_more(file: RemoteFile, position: int, end: int, found: int) -> None:
    if position + found > end:
        raise FetchError(
            f"Expected the bytes {position:,} to {end:,} of {file.shown}, got {found:,} bytes. Check that the file "
            "is the one that the index names, and that the server answers as it was asked."
        )


def _write(descriptor: int, data: bytes, position: int) -> int:
    written = 0
    while written < len(data):
        written += os.pwrite(descriptor, data[written:], position + written)
    return written


def content_sha256(descriptor: int) -> str:
    """Return the SHA-256 of an open file, in hexadecimal."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()
