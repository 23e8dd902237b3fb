"""Where the files of a set are: in a folder, or behind a URL."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from lightning_compose.data.remote import client
from lightning_compose.data.remote.downloads import Downloads
from lightning_compose.data.remote.fault import FetchError, status_of
from lightning_compose.data.remote.remote_file import Advance, RemoteFile
from lightning_compose.data.remote.url import is_url, join, require_known_scheme, shown
from lightning_compose.data.shards.error import ShardError
from lightning_compose.data.shards.table import (
    INDEX,
    TABLE,
    Shard,
    file_sha256,
    how_to_index,
    how_to_restore,
    require_folder,
    stale_index,
)

MAX_OPEN_WITHIN_LIMIT = 2


class Files(Protocol):
    """What reading a set asks of the place where it lies."""

    @property
    def root(self) -> str | Path:
        """The set's folder or URL, as it may be shown."""

    @property
    def max_open(self) -> int:
        """How many shards may be open at once."""

    def header(self) -> bytes:
        """Return `index.json`."""

    def table(self, sha256: str) -> Path:
        """Return where the table with this checksum lies on this machine."""

    def require(self, shard: Shard) -> None:
        """Require that a shard is there, as far as that can be told at once."""

    def name(self, shard: Shard) -> str | Path:
        """Return what to call a shard in messages."""

    def open(self, shard: Shard) -> int:
        """Return a descriptor of a whole shard."""

    def heals(self, shard: Shard, descriptor: int) -> bool:
        """Return whether an open shard is a damaged copy and a better one is had by opening it again."""


def files_of(root: str | os.PathLike[str], downloads: Downloads | None = None) -> Files:
    """Return the files of a set.

    Args:
        root: Its folder or URL.
        downloads: Where remote files go; None = the default folder, without a limit.

    Raises:
        ShardError: For a URL of another scheme than those that are read.
    """
    text = os.fspath(root).removeprefix("file://")
    if not is_url(text):
        return LocalFiles(Path(text))
    try:
        require_known_scheme(text)
    except ValueError as error:
        raise ShardError(shown(text), None, "unknown_scheme", str(error)) from error
    return RemoteFiles(text, downloads or Downloads())


class LocalFiles:
    """A set in a folder."""

    max_open = 64

    def __init__(self, root: Path) -> None:
        self.root = root

    def header(self) -> bytes:
        require_folder(self.root)
        path = self.root / INDEX
        if not path.is_file():
            found = f"Expected {INDEX} in the folder, found none. {how_to_index(self.root)}"
            raise ShardError(self.root, None, "no_index", found)
        return path.read_bytes()

    def table(self, sha256: str) -> Path:
        path = self.root / TABLE
        if not path.is_file() or file_sha256(path) != sha256:
            raise stale_index(self.root, f"{TABLE} is not the one that {INDEX} describes")
        return path

    def require(self, shard: Shard) -> None:
        path = self.root / shard.path
        if not path.is_file():
            raise self._changed("missing_shard", f"{shard.path} is missing")
        if path.stat().st_size != shard.bytes:
            sizes = f"{path.stat().st_size:,} bytes instead of {shard.bytes:,}"
            raise self._changed("shard_size", f"{shard.path} has {sizes}")

    def name(self, shard: Shard) -> Path:
        return self.root / shard.path

    def open(self, shard: Shard) -> int:
        try:
            return os.open(self.name(shard), os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise ShardError(self.name(shard), None, "unreadable", f"Expected a shard, got {error}.") from error

    def heals(self, shard: Shard, descriptor: int) -> bool:
        return False

    def _changed(self, reason: str, found: str) -> ShardError:
        message = f"Expected the shards as they were indexed, but {found}. {how_to_restore(self.root)}"
        return ShardError(self.root, None, reason, message)


def _not_a_page(header: bytes, root: str) -> bytes:
    if header.lstrip().startswith(b"<"):
        found = f"Expected {INDEX} there, got a web page, such as that of a login: check the URL, or log in."
        raise ShardError(root, None, "no_index", found)
    return header


class RemoteFiles:
    """A set behind a URL, fetched shard by shard into a folder of this machine."""

    # A wait that a person should know of.
    long_wait_s = 10.0

    def __init__(self, url: str, downloads: Downloads) -> None:
        self.url = url
        self.downloads = downloads
        self._examined: set[str] = set()

    @property
    def root(self) -> str:
        return shown(self.url)

    @property
    def max_open(self) -> int:
        # A shard that is open cannot give way to another one.
        return LocalFiles.max_open if self.downloads.limit_bytes is None else MAX_OPEN_WITHIN_LIMIT

    def header(self) -> bytes:
        """Return `index.json`, fetched anew every time: it says whether what was downloaded is still of the set."""
        try:
            return _not_a_page(client.read(join(self.url, INDEX), self.downloads.patience), self.root)
        except FetchError as error:
            if error.__cause__ is None or status_of(error.__cause__) != 404:
                raise
            how = f"Give the URL of the folder that has {INDEX}; `shards index` writes it before the upload."
            raise ShardError(self.root, None, "no_index", f"Expected {INDEX} there, found none. {how}") from error

    def table(self, sha256: str) -> Path:
        file = RemoteFile(self.url, TABLE, 0, sha256)
        path = self.downloads.path(file)
        with suppress(FileNotFoundError), path.open("rb") as present:
            self.downloads.drop_damaged(file, present.fileno())
        if not path.is_file():
            # The index does not tell its size, and the limit is for shards: nothing could give way to the table.
            size = client.size(file.url, self.downloads.patience)
            replace(self.downloads, limit_bytes=None).fetch(replace(file, bytes=size))
        return path

    def require(self, shard: Shard) -> None:
        """Ask nothing: a request for every shard would delay the start of a large set by minutes."""

    def name(self, shard: Shard) -> str:
        return self.file(shard).shown

    def open(self, shard: Shard) -> int:
        begun_s = time.monotonic()
        descriptor = self.downloads.open(self.file(shard))
        waited_s = time.monotonic() - begun_s
        if waited_s > self.long_wait_s:
            warnings.warn(
                f"Waited {waited_s:.0f} s for {self.name(shard)}, {shard.bytes / 1e6:,.0f} MB, "
                f"{shard.bytes / waited_s / 1e6:.1f} MB/s. If that goes on, fetch the set ahead of time: "
                f"`python -m lightning_compose shards fetch {self.root}`.",
                stacklevel=2,
            )
        return descriptor

    def heals(self, shard: Shard, descriptor: int) -> bool:
        """Drop a download that was damaged on this machine; looked for once a shard and process: it takes long."""
        if shard.path in self._examined:
            return False
        self._examined.add(shard.path)
        if not self.downloads.drop_damaged(self.file(shard), descriptor):
            return False
        warnings.warn(
            f"Expected {self.downloads.path(self.file(shard))} to be as it was fetched from {self.name(shard)}, got "
            "other bytes. It is fetched again. If that recurs, check this machine's disk.",
            stacklevel=2,
        )
        return True

    def file(self, shard: Shard) -> RemoteFile:
        """Return what is fetched for a shard."""
        return RemoteFile(self.url, shard.path, shard.bytes, shard.sha256)

    def missing(self, shards: Sequence[Shard]) -> list[Shard]:
        """Return those of the shards that are not on this machine."""
        return [shard for shard in shards if not self.downloads.has(self.file(shard))]

    def fetch(self, shard: Shard, *, wait: bool = True, advance: Advance = lambda _: None) -> None:
        """Fetch a shard unless it is there; see `Downloads.fetch`."""
        self.downloads.fetch(self.file(shard), wait=wait, advance=advance)
