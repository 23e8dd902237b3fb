"""What is amiss in a set, as a table to print and as a file."""

from __future__ import annotations

import csv
import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LINES_SHOWN = 20
_HEADER = ("kind", "reason", "shard", "count")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is amiss.

    Args:
        kind: Whether a sample is bad, was refused when the set was indexed, or has nouns without supervision.
        reason: A short slug to count by, such as ``"crc32_mismatch"``.
        shard: Path relative to the set's folder.
        key: The sample; empty where several are counted together, or the whole shard is meant.
        count: Of nouns for ``"unsupervised"``, else of samples.
        message: For a person; empty where the reason says it all.
    """

    kind: Literal["bad", "refused", "unsupervised"]
    reason: str
    shard: str
    key: str = ""
    count: int = 1
    message: str = ""


def write_csv(findings: Sequence[Finding], path: Path) -> None:
    """Write a line each, below a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(field.name for field in dataclasses.fields(Finding))
        writer.writerows(map(dataclasses.astuple, findings))


def table(findings: Sequence[Finding]) -> str:
    """Count by kind, reason and shard: a line each, the largest counts of each kind first.

    >>> print(table([Finding("bad", "bad_image", "0.tar", key) for key in "ab"]))
    kind  reason     shard  count
    bad   bad_image  0.tar  2
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    for each in findings:
        counts[each.kind, each.reason, each.shard] += each.count
    ordered = sorted(counts.items(), key=lambda item: (item[0][0], -item[1], item[0]))
    rows = [_HEADER, *((*map(_printable, names), f"{count:,}") for names, count in ordered[:LINES_SHOWN])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, *_rest(ordered[LINES_SHOWN:])])


def _rest(hidden: Sequence[tuple[tuple[str, str, str], int]]) -> list[str]:
    return [f"and {len(hidden):,} lines more"] if hidden else []


def _printable(name: str) -> str:
    # The name of a foreign shard may hold line breaks and terminal codes.
    return name if name.isprintable() else ascii(name)
