"""The log of a pretraining run."""

from __future__ import annotations

import csv
from pathlib import Path


def write_table(path: Path, rows: list[dict[str, float]]) -> None:
    """Write rows as CSV, six digits a number."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows({name: f"{value:.6g}" for name, value in row.items()} for row in rows)
