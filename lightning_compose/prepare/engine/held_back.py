"""Lines that others' native code writes to the terminal, past all of Python's settings."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

STDERR = 2


@contextmanager
def without_lines(pattern: re.Pattern[bytes]) -> Iterator[None]:
    """Hold back what this process writes to its standard error, and pass on all but some lines at the end.

    Args:
        pattern: Found in the lines to leave out.
    """
    sys.stderr.flush()
    terminal = os.dup(STDERR)
    # A file, not a pipe: a process that is started meanwhile may keep it open.
    with TemporaryFile() as held:
        os.dup2(held.fileno(), STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal, STDERR)
            os.close(terminal)
            held.seek(0)
            with open(STDERR, "wb", closefd=False) as stderr:
                stderr.writelines(line for line in held if not pattern.search(line))
