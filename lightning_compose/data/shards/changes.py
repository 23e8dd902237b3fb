"""What an index lacks that the one before it had."""

from __future__ import annotations

from lightning_compose.data.shards.table import Index

_SHOWN = 10


def losses(before: Index, after: Index) -> list[str]:
    """Say in a line each which shards are gone and which have fewer samples; of more than ten, how many more.

    Args:
        before: What the set was.
        after: What it is now.
    """
    now = {shard.path: shard.samples for shard in after.shards}
    lost = [
        f"{shard.path} has {now[shard.path]:,} samples instead of {shard.samples:,}"
        if shard.path in now
        else f"{shard.path} is gone"
        for shard in before.shards
        if now.get(shard.path, 0) < shard.samples
    ]
    return [*lost[:_SHOWN], *([f"and {len(lost) - _SHOWN:,} shards more"] if len(lost) > _SHOWN else [])]
