"""Where a study's commands are to be run: from the root of the checkout that holds what they name."""

from __future__ import annotations

import os
from pathlib import Path

MARKS = (".git", "pyproject.toml")


def root_of(path: Path) -> Path | None:
    """Return the root of the checkout that a path lies in, None where it lies in none."""
    parents = path.absolute().parents
    return next((each for each in parents if any((each / mark).exists() for mark in MARKS)), None)


def from_root(path: Path) -> str:
    """Return a path as it is named from the root of its checkout; absolute, where it lies in none."""
    root = root_of(path)
    return path.absolute().as_posix() if root is None else Path(os.path.relpath(path, root)).as_posix()
