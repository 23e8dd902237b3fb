"""Measurements in the documentation: files of their own, and blocks of its pages."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

Row = Mapping[str, str | int | float]


def write_csv(file: Path, rows: Sequence[Row]) -> None:
    """Write rows that have the same columns."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_csv(file: Path) -> list[dict[str, str]]:
    """Read what `write_csv` wrote."""
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def replace_block(page: Path, name: str, text: str) -> None:
    """Replace what stands between a page's comments ``begin NAME`` and ``end NAME``.

    Raises:
        ValueError: When the page has no such comments.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    block = re.compile(f"(?<={re.escape(begin)}).*(?={re.escape(end)})", re.DOTALL)
    content = page.read_text()
    if not block.search(content):
        raise ValueError(f"Expected the comments {begin!r} and {end!r} in {page}, found none. Add them.")
    page.write_text(block.sub(lambda _: f"\n\n{text}\n\n", content))
