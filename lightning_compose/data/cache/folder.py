"""The folder that a cache is written to: absent, empty or begun by us; any other is refused before it changes."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from lightning_compose.data.cache.layout import BEGUN, EMPTY_TAR, part_of
from lightning_compose.data.shards import ShardSet
from lightning_compose.data.shards.table import INDEX, TABLE

LOCK = ".lock"
_OWN = (BEGUN, INDEX, TABLE, LOCK, EMPTY_TAR, part_of(EMPTY_TAR))
# As `replaced` names what is not whole yet.
_TEMPORARY = re.compile(r"\.(.+)\.\d+")


def require_own_folder(root: Path, shards: ShardSet) -> None:
    """Require that a cache of a set may be written to a folder.

    Raises:
        ValueError: When it belongs to the set, holds files that are no cache, or would take one name twice.
    """
    if isinstance(shards.root, Path) and root.resolve().is_relative_to(shards.root.resolve()):
        raise ValueError(
            f"Expected --out to lie outside of the set's folder '{shards.root}', got '{root}'. Name another folder."
        )
    _require_own_names(shards)
    if read_begun(root) is None:
        _require_empty(root)


def read_begun(root: Path) -> dict[str, Any] | None:
    """Return what a cache notes of itself when it is begun; None where there is none."""
    for name in (BEGUN, INDEX):
        try:
            content = json.loads((root / name).read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(content, dict) and all(isinstance(content.get(key), dict) for key in ("identity", "members")):
            return content
    return None


def remove_leftovers(root: Path, shards: ShardSet) -> None:
    """Remove what a writer of this set's features that was killed had not finished."""
    names: dict[Path, set[str]] = defaultdict(set)
    for path in (*_OWN, *_tars_and_parts(shards)):
        names[(root / path).parent].add((root / path).name)
    for folder, own in names.items():
        for leftover in folder.iterdir() if folder.is_dir() else ():
            if _is_temporary(leftover, own):
                leftover.unlink()


def _require_own_names(shards: ShardSet) -> None:
    taken = {PurePosixPath(each) for each in (*_OWN, *(part_of(shard.path) for shard in shards.shards))}
    for shard in shards.shards:
        path = PurePosixPath(shard.path)
        if not taken.isdisjoint((path, *path.parents)):
            raise ValueError(
                f"Expected other names of shards than a cache's own, got '{shard.path}' in '{shards.root}'. Rename "
                "it, and run `shards index` again."
            )


def _require_empty(root: Path) -> None:
    if root.exists() and not root.is_dir():
        raise ValueError(f"Expected --out to be a folder, got the file '{root}'. Name another one.")
    foreign = (path for path in root.iterdir() if not _is_ours_at_first(path)) if root.exists() else iter(())
    first = next(foreign, None)
    if first is not None:
        raise ValueError(
            f"Expected --out to be a new folder, an empty one or a feature cache, got '{root}', which holds other "
            f"files, such as '{first.name}'. Name another folder."
        )


def _is_ours_at_first(path: Path) -> bool:
    return path.name == LOCK or _is_temporary(path, {BEGUN})


def _is_temporary(path: Path, own: set[str]) -> bool:
    match = _TEMPORARY.fullmatch(path.name)
    return match is not None and match[1] in own and path.is_file() and not path.is_symlink()


def _tars_and_parts(shards: ShardSet) -> Iterable[str]:
    for shard in shards.shards:
        yield shard.path
        yield part_of(shard.path)
