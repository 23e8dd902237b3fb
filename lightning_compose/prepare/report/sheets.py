"""Contact sheets of the pairs that were packed, a stage a sheet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from lightning_compose.data.contact_sheet import contact_sheet
from lightning_compose.data.schema import STAGES
from lightning_compose.data.shards import ShardSet


def sheets(shards: Path, pairs_per_stage: int) -> Iterator[tuple[str, int, Image.Image]]:
    """Yield stage, number of its pairs and the picture of some, spread evenly over them.

    Args:
        shards: Folder of the set.
        pairs_per_stage: On a sheet, at most.
    """
    found = ShardSet(shards)
    for number, stage in enumerate(STAGES):
        rows = np.flatnonzero(found.table["stage"] == number)
        if len(rows):
            places = np.linspace(0, len(rows) - 1, min(pairs_per_stage, len(rows))).round().astype(int)
            yield stage, len(rows), contact_sheet([found.read(int(row)) for row in rows[places]])
