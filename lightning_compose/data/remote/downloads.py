"""The folder that remote files are fetched into: whole and checked, or not there.

A file that is being fetched has another name than one that is whole, and its process holds a lock on it; who reads a
whole one holds a shared lock. The kernel lets go of both when a process dies, however it dies: then the next one goes
on where it was.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lightning_compose.data.durable import flush_folder
from lightning_compose.data.remote.client import Patience
from lightning_compose.data.remote.remote_file import RemoteFile, content_sha256, fetch_into
from lightning_compose.data.remote.room import make_room

FOLDER_VARIABLE = "LIGHTNING_COMPOSE_DOWNLOADS"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Advance = Callable[[int], object]


def default_folder() -> Path:
    """Return where downloads go when nothing else is said."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else Path.home() / ".cache" / "lightning_compose" / "downloads"


@dataclass(frozen=True)
class Downloads:
    """Remote files on this machine, shared by all processes that name the same folder.

    Args:
        folder: On a disk of this machine, best not on a network's; made when the first file is fetched.
        limit_bytes: What may lie in it; the shards not used for longest give way. None = no limit.
        patience: With the network.
    """

    folder: Path = field(default_factory=default_folder)
    limit_bytes: int | None = None
    patience: Patience = field(default_factory=Patience)

    def open(self, file: RemoteFile) -> int:
        """Return a descriptor of the whole file, fetched if need be; until it is closed nothing removes the file.

        Raises:
            FetchError: When it cannot be fetched, or is another file than was expected.
            OSError: When the disk is full, or the folder cannot be written.
        """
        while True:
            descriptor = self._open_whole(file)
            if descriptor is not None:
                return descriptor
            self.fetch(file)

    def path(self, file: RemoteFile) -> Path:
        """Return where the file lies once it is whole."""
        return self.folder / file.name

    def has(self, file: RemoteFile) -> bool:
        """Return whether the whole file is there, as far as its size tells."""
        try:
            return self.path(file).stat().st_size == file.bytes
        except FileNotFoundError:
            return False

    def drop_damaged(self, file: RemoteFile, descriptor: int) -> bool:
        """Remove a file that is no longer as it was fetched, so that it is fetched again.

        Args:
            file: What it should be.
            descriptor: What `open` gave for it.

        Returns:
            Whether it is damaged.
        """
        if _is_as_fetched(descriptor, file):
            return False
        # Not one that another process has fetched anew meanwhile.
        if _is_at(descriptor, self.path(file)):
            self.path(file).unlink(missing_ok=True)
        return True

    def fetch(self, file: RemoteFile, *, wait: bool = True, advance: Advance = lambda _: None) -> None:
        """Fetch a file unless it is there.

        Args:
            file: What to fetch.
            wait: Whether to wait for another process that is fetching it; else that is left to it.
            advance: Called with the bytes that came.

        Raises:
            FetchError: When it cannot be fetched, or is another file than was expected.
            OSError: When the disk is full, or the folder cannot be written.
        """
        while not self.has(file):
            descriptor = self._open_part(file)
            try:
                if not _locked(descriptor, wait):
                    return
                if _is_at(descriptor, self._part(file)):
                    self._complete(file, descriptor, advance)
            finally:
                _release(descriptor)

    def _complete(self, file: RemoteFile, descriptor: int, advance: Advance) -> None:
        part = self._part(file)
        try:
            if self.has(file):
                # Another one finished it just before this part was made.
                return
            fetch_into(descriptor, file, self.patience, advance)
            os.fsync(descriptor)
        except OSError as error:
            if error.errno in _FULL:
                part.unlink(missing_ok=True)
                raise _full_disk(error, self.folder, file) from error
            raise
        else:
            part.rename(self.path(file))
            flush_folder(self.folder)
        finally:
            # What came is gone on with later; of nothing there is nothing to keep.
            if os.fstat(descriptor).st_size == 0 or self.has(file):
                part.unlink(missing_ok=True)

    def _open_whole(self, file: RemoteFile) -> int | None:
        try:
            descriptor = os.open(self.path(file), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if not _is_at(descriptor, self.path(file)) or os.fstat(descriptor).st_size != file.bytes:
            # It gave way to another one in between; or it was cut since it came, and is replaced.
            os.close(descriptor)
            return None
        if self.limit_bytes is not None:
            # The time of the last use: what gives way first follows from it.
            os.utime(descriptor)
        return descriptor

    def _open_part(self, file: RemoteFile) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self._part(file)
        if self.limit_bytes is not None:
            make_room(self.folder, part, file.bytes, self.limit_bytes)
        return os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)

    def _part(self, file: RemoteFile) -> Path:
        # With the size that it will have: room is kept for it.
        return self.folder / f"{file.name}.{file.bytes}.part"


def _locked(descriptor: int, wait: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _release(descriptor: int) -> None:
    # By name: a process forked meanwhile has the open file, too, and would keep the lock.
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def _is_as_fetched(descriptor: int, file: RemoteFile) -> bool:
    try:
        return content_sha256(descriptor) == file.sha256
    except OSError:
        # The disk cannot read it.
        return False


def _is_at(descriptor: int, path: Path) -> bool:
    """Return whether the open file still has this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _full_disk(error: OSError, folder: Path, file: RemoteFile) -> OSError:
    return OSError(
        error.errno,
        f"Expected room for {file.shown} ({file.bytes:,} bytes), got: {os.strerror(error.errno or 0)}. Free some, "
        "choose another download_dir, or set a download_limit_gb, above which the shards not used for longest give way",
        os.fspath(folder),
    )
