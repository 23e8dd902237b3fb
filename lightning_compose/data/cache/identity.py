"""What features depend on: a cache of others is refused by the name of what differs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lightning_compose.component_match import ORIGIN_KEYS
from lightning_compose.data.cache.layout import DTYPE, Identity
from lightning_compose.data.shards import ShardSet

MODEL = "model"


def cache_identity(shards: ShardSet, size_px: int, encoders: Mapping[str, Any] | None) -> Identity:
    """Return what the features of a set depend on, as plain types.

    Args:
        shards: The set.
        size_px: Side of the square images.
        encoders: As `Backbone.encoder_identity` returns it; None = not known.
    """
    identity: Identity = {"source": set_digest(shards), "size_px": size_px, "crop": "center", "dtype": DTYPE}
    return identity if encoders is None else {**identity, MODEL: dict(encoders)}


def set_digest(shards: ShardSet) -> str:
    """Return what tells the samples of a set and their order from those of another, wherever it lies."""
    digest = hashlib.sha256("".join(shard.sha256 for shard in shards.shards).encode())
    digest.update(shards.table["key"].tobytes())
    return digest.hexdigest()


def require_same(cached: Identity, present: Identity, root: str | Path) -> None:
    """Check that a cache fits what it is used with.

    Args:
        cached: What its features depend on.
        present: What they would depend on if they were computed now; without the model where that is not known.
        root: The cache's folder.

    Raises:
        ValueError: Names the first thing that differs.
    """
    now = dict(_flat(present))
    for key, value in _flat(cached):
        # Keys that only one side has are left out: libraries add some.
        if key in now and now[key] != value:
            raise ValueError(
                f"Expected the feature cache '{root}' to be made of the same set by the same encoders, but `{key}` was "
                f"{value!r} when it was cached and is {now[key]!r} now. Set it back, or make another cache: "
                "`python -m lightning_compose shards cache DIR --config CONFIG --out CACHE`."
            )


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif not (key.startswith("_") or (prefix and key in ORIGIN_KEYS)):
            yield f"{prefix}{key}", value
