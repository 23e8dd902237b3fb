"""Numbers in columns, for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

HELD_OUT = "/held_out"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Lay cells out in columns, the first flush left and the others flush right.

    >>> print(aligned([("", "seen"), ("color", "50.0")]))
           seen
    color  50.0
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])  # the numbers end in line
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Write cells as a table in Markdown, the first row its header.

    >>> print(markdown([("", "seen"), ("color", "50.0")]))
    |  | seen |
    | --- | ---: |
    | color | 50.0 |
    """
    first, *others = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([first, "| " + " | ".join(["---", *["---:"] * (len(rows[0]) - 1)]) + " |", *others])


def percent(share: float) -> str:
    """Write a share in [0, 1] as a percentage.

    >>> percent(0.125)
    '12.5'
    """
    return f"{100 * share:.1f}"


def summary(measured: Mapping[str, float]) -> str:
    """Tell metrics by name, held-out compositions in a column of their own; shares as percentages.

    Args:
        measured: As `Measurement.compute` returns them.
    """
    names = list(dict.fromkeys(name.removesuffix(HELD_OUT) for name in measured))
    rows = [(name, *(_cell(name, measured.get(f"{name}{suffix}")) for suffix in ("", HELD_OUT))) for name in names]
    return aligned([("", "seen", "held out"), *(row for row in rows if row[0] != "kid"), *_kid(measured)])


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.1f}" if name == "clip_score" else percent(value)


def _kid(measured: Mapping[str, float]) -> list[tuple[str, str, str]]:
    return [("kid", "", f"{measured['kid']:.4f}")] if "kid" in measured else []
