"""What a limit on the downloads asks of the order of the samples."""

from __future__ import annotations

import warnings
from pathlib import Path

from lightning_compose.data.remote.downloads import Downloads, default_folder
from lightning_compose.data.shards import ShardSet
from lightning_compose.data.shards.files import MAX_OPEN_WITHIN_LIMIT, RemoteFiles

SHARDS_AHEAD = 8


def downloads_of(download_dir: str | None, download_limit_gb: float | None) -> Downloads:
    """Return where remote shards go, as a user says it.

    Args:
        download_dir: None = the default folder.
        download_limit_gb: In 10^9 bytes; None = no limit.

    Raises:
        ValueError: When the limit is not positive.
    """
    if download_limit_gb is not None and not download_limit_gb > 0:
        raise ValueError(f"Expected `download_limit_gb` to be more than 0, or null for none, got {download_limit_gb}.")
    folder = default_folder() if download_dir is None else Path(download_dir).expanduser()
    return Downloads(folder, None if download_limit_gb is None else int(download_limit_gb * 1e9))


def require_room(shards: ShardSet, shuffle_shards: int | None, validates: bool) -> None:
    """Require that a limit on the downloads leaves room for the shards that are mixed at a time.

    Args:
        shards: The set to train on.
        shuffle_shards: How many that are; None = all.
        validates: Whether some of its samples validate: they lie in all shards.

    Raises:
        ValueError: When there is no such room.
    """
    limit = _limit_bytes(shards)
    total = sum(shard.bytes for shard in shards.shards)
    if limit is None or total <= limit:
        return
    if shuffle_shards is None:
        raise ValueError(
            f"Expected `download_limit_gb` = {limit / 1e9:g} to hold the whole set, as its samples are mixed over all "
            f"of it, got a set of {total / 1e9:.3g} GB. Raise the limit, or mix the samples of a few shards at a time: "
            "`shuffle_shards` 8."
        )
    needed = sum(sorted((shard.bytes for shard in shards.shards), reverse=True)[: shuffle_shards + 1])
    if needed > limit:
        raise ValueError(
            f"Expected `download_limit_gb` = {limit / 1e9:g} to hold {shuffle_shards + 1} shards, those that are "
            f"mixed at a time and the next one, got {needed / 1e9:.3g} GB. Raise the limit or lower `shuffle_shards`."
        )
    if validates:
        warnings.warn(
            f"Every validation reads all shards, {total / 1e9:.3g} GB, which `download_limit_gb` = {limit / 1e9:g} "
            "cannot hold: they are fetched anew each time. Set `val_fraction` to 0, or raise the limit.",
            stacklevel=2,
        )


def shards_ahead(shards: ShardSet, shuffle_shards: int | None) -> int:
    """Return how many shards to fetch before they are due, so that none of those in use has to give way."""
    wanted = max(SHARDS_AHEAD, shuffle_shards or 0)
    limit = _limit_bytes(shards)
    if limit is None or shuffle_shards is None:
        return wanted
    largest = max((shard.bytes for shard in shards.shards), default=1)
    return max(1, min(wanted, limit // max(largest, 1) - shuffle_shards - MAX_OPEN_WITHIN_LIMIT))


def _limit_bytes(shards: ShardSet) -> int | None:
    return shards.files.downloads.limit_bytes if isinstance(shards.files, RemoteFiles) else None
