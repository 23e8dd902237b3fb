"""What tells local weights, and other files that settings name, from others, wherever they lie."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# A folder with one of these is a model's; others may be anything, and large.
MARKS = ("config.json", "model_index.json", "*.gguf")
# Weights of one architecture have the same size and the same header: parts from all over the file tell them apart.
PIECES, PIECE_BYTES = 64, 2**14


def file_identities(settings: Any) -> dict[str, str]:
    """Return what identifies each file, and each folder of weights, that is there under a path in the settings.

    Args:
        settings: As JSON holds them.
    """
    paths = {text for text in _texts(settings) if os.sep in text and os.path.exists(text)}
    found = {path: _identity(Path(path)) for path in sorted(paths)}
    return {path: identity for path, identity in found.items() if identity is not None}


def by_identity(value: Any, identities: dict[str, str]) -> Any:
    """Return settings with identities in the place of the paths.

    Args:
        value: As JSON holds them.
        identities: By path.
    """
    if isinstance(value, dict):
        return {key: by_identity(each, identities) for key, each in value.items()}
    if isinstance(value, list):
        return [by_identity(each, identities) for each in value]
    return identities.get(value, value) if isinstance(value, str) else value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _identity(path: Path) -> str | None:
    """Return name and digest; None for a folder that is no model's."""
    if path.is_file():
        return _digest(path, [path])
    if not any(next(path.glob(mark), None) for mark in MARKS):
        return None
    return _digest(path, sorted(each for each in path.rglob("*") if each.is_file()))


def _digest(root: Path, files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        size = file.stat().st_size
        digest.update(f"{file.relative_to(root).as_posix()} {size}\n".encode())
        for piece in _pieces(file, size):
            digest.update(piece)
    return f"{Path(os.path.abspath(root)).name} {digest.hexdigest()}"


def _pieces(file: Path, size: int) -> Iterator[bytes]:
    whole = size <= PIECES * PIECE_BYTES
    starts = [0] if whole else [(size - PIECE_BYTES) * number // (PIECES - 1) for number in range(PIECES)]
    with file.open("rb") as opened:
        for start in starts:
            opened.seek(start)
            yield opened.read(size if whole else PIECE_BYTES)
