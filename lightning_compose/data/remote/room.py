"""Room among the downloads: the shards that were not used for longest give way."""

from __future__ import annotations

import fcntl
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK, _SHARD, _PART = ".room.lock", ".tar", ".part"


def make_room(folder: Path, part: Path, needed_bytes: int, limit_bytes: int) -> None:
    """Create `part`, for which room is kept from then on, and remove what exceeds the limit with it.

    Shards in use stay: when all are, the limit is exceeded, with a warning.

    Args:
        folder: Of the downloads.
        part: The file to be; nothing happens when it is there.
        needed_bytes: What it will have.
        limit_bytes: Of all.
    """
    with _locked(folder):
        if part.exists():
            return
        present = {path: _reserved_bytes(path) for path in folder.iterdir() if path.suffix in (_SHARD, _PART)}
        excess = sum(present.values()) + needed_bytes - limit_bytes
        for path in sorted(present, key=_last_used):
            if excess <= 0:
                break
            if _remove_unless_used(path):
                excess -= present[path]
        if excess > 0:
            _warn(folder, limit_bytes)
        part.touch()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / _LOCK).open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
        # By name: a process forked meanwhile has the open file, too, and would keep the lock.
        fcntl.flock(handle, fcntl.LOCK_UN)


def _reserved_bytes(path: Path) -> int:
    if path.suffix == _PART:
        return int(path.suffixes[-2][1:])
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _remove_unless_used(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _warn(folder: Path, limit_bytes: int) -> None:
    warnings.warn(
        f"{folder} holds more than download_limit_gb = {limit_bytes / 1e9:g}: all shards in it are in use. Raise the "
        "limit, or lower shuffle_shards.",
        stacklevel=2,
    )
