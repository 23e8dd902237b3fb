"""The content of what a run's config names: a path says where something lies, not what it is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from lightning_compose.cli.config_files import Config
from lightning_compose.data.shards.table import INDEX, file_sha256

# Others, such as a cache, are written by the runs themselves.
DATA, MODELS = ("data.root", "data.test_root"), ("pretrained", "clip")
# Weights, configs and vocabularies: a README decides nothing.
READ = (".safetensors", ".bin", ".json", ".txt", ".model")


def content_of(config: Config) -> dict[str, str]:
    """Return the SHA-256 of every file, set of shards and model folder that a config names, by dotted key.

    Of a set it is that of its index, which holds those of its shards. What is not on this machine is left out.
    """
    found = {key: _sha256(key, Path(value)) for key, value in _texts(config) if value}
    return {key: sha256 for key, sha256 in found.items() if sha256}


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(each, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _texts(each, f"{key}.{index}")
    elif isinstance(value, str) and "\n" not in value:
        yield key, value


def _sha256(key: str, path: Path) -> str:
    if key in DATA:
        path = path / INDEX
    if os.path.isfile(path):
        return _of_file(path)
    return _of_folder(path) if key.rpartition(".")[2] in MODELS and os.path.isdir(path) else ""


def _of_folder(folder: Path) -> str:
    # Folders of a model may be links to another's.
    walked = os.walk(folder, followlinks=True)
    files = sorted(Path(parent, name) for parent, _, names in walked for name in names if name.endswith(READ))
    hidden = [any(part.startswith(".") for part in file.relative_to(folder).parts) for file in files]
    told = [
        f"{file.relative_to(folder).as_posix()} {_of_file(file)}\n"
        for file, is_hidden in zip(files, hidden, strict=True)
        if not is_hidden and file.is_file()
    ]
    return hashlib.sha256("".join(told).encode()).hexdigest()


def _of_file(file: Path) -> str:
    known = file.stat()
    return _once(file, known.st_mtime_ns, known.st_size)


@cache
def _once(file: Path, mtime_ns: int, size: int) -> str:
    # All runs name the same gigabytes.
    return file_sha256(file)
