"""compare: two evaluations of the same prompts and seeds, such as before and after a training."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lightning_compose.callbacks.before_after import before_after
from lightning_compose.cli import PROG
from lightning_compose.cli.errors import OneLineParser
from lightning_compose.evaluation.comparison import Comparison, compare, conclusion, rows, table
from lightning_compose.evaluation.scores import Score, read_scores
from lightning_compose.evaluation.table import aligned, markdown

PICTURE, CSV, MARKDOWN = "before_after.png", "comparison.csv", "comparison.md"


def run(arguments: Sequence[str]) -> None:
    """Run the command; see `lightning_compose.cli.main`."""
    options = _parser().parse_args(arguments)
    before, after = read_scores(options.before), read_scores(options.after)
    compared = compare(before, after)
    options.out.mkdir(parents=True, exist_ok=True)
    _write_tables(compared, options.out)
    print(f"{aligned(table(compared))}\n{conclusion(compared)}")
    _draw(before, after, options)


def _write_tables(compared: Sequence[Comparison], out: Path) -> None:
    (out / CSV).write_text("".join(f"{','.join(row)}\n" for row in rows(compared)), encoding="utf-8")
    (out / MARKDOWN).write_text(f"{markdown(table(compared))}\n\n{conclusion(compared)}\n", encoding="utf-8")


def _draw(before: Sequence[Score], after: Sequence[Score], options: argparse.Namespace) -> None:
    folders = (options.before.parent, options.after.parent)
    before_after(before, after, folders).save(options.out / PICTURE)
    print(f"Before above after: {options.out / PICTURE}")


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog=f"{PROG} compare", description="Compare two evaluations of the same prompts and seeds.")
    parser.add_argument("before", type=Path, help="scores.csv of the one")
    parser.add_argument("after", type=Path, help="scores.csv of the other")
    parser.add_argument("--out", type=Path, required=True, help="folder of the tables and the picture")
    return parser
