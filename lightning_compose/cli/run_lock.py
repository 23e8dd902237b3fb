"""One training at a time in a run's folder."""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_NAME = ".lock"


@contextmanager
def locked(run_dir: str) -> Iterator[None]:
    """Hold the run's folder; the kernel lets go of it when the process dies, however it dies.

    Raises:
        BlockingIOError: When another process holds it.
    """
    file = Path(run_dir, LOCK_NAME)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as handle:
        try:
            # Not flock: the loader's workers would inherit that, and may outlive a killed run by seconds.
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                raise BlockingIOError(
                    f"Expected '{run_dir}' to be free, got a folder in which another fit is running. "
                    "Wait for it, stop it, or set another --run_dir."
                ) from error
            # A file system without locks: better unguarded than not at all.
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP):
                raise
        yield
