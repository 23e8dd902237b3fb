"""What tells one run's order of samples from another's: kept in its checkpoints, compared when it goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from lightning_compose.data.pool import Rows
from lightning_compose.data.shards import ShardSet


def content_digest(shards: ShardSet, rows: Rows) -> str:
    """Return what tells the rows of one set from those of another, wherever its folder is."""
    digest = hashlib.sha256("".join(shard.sha256 for shard in shards.shards).encode())
    digest.update(rows.astype("<i8").tobytes())
    return digest.hexdigest()


def require_same_settings(saved: Mapping[str, Any], present: Mapping[str, Any]) -> None:
    """Require that no setting has changed that the order depends on.

    Args:
        saved: By name, in the checkpoint. What lacks was not known when it was written, and had its default, None.
        present: By name, of the run that goes on.

    Raises:
        ValueError: For the first one that has changed.
    """
    for name, value in present.items():
        if saved.get(name) != value:
            raise ValueError(
                f"Expected `{name}` to stay {saved.get(name)}, as in the checkpoint, got {value}: the order of the "
                "samples would change in the middle of the run. Set it back, or start a new run."
            )


def require_same_past(saved: Mapping[str, str], present: Mapping[str, str]) -> None:
    """Require that the stages before the checkpoint gave what they give now.

    Args:
        saved: A digest of each stage, in the checkpoint.
        present: The same, of the run that goes on.

    Raises:
        ValueError: For the first stage that has changed.
    """
    changed = [name for name in {**saved, **present} if saved.get(name) != present.get(name)]
    if changed:
        raise ValueError(
            f"Expected the curriculum to have given the samples that it gave before the checkpoint, but the stage "
            f"{changed[0]!r} gave others, or at other steps. Change only what is still to come, set it back, or start "
            "a new run."
        )
