"""compare: two evaluations of the same prompts and seeds, such as before and after a training."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lightning_compose.callbacks.before_after import before_after
from lightning_compose.cli import PROG
from lightning_compose.cli.errors import OneLineParser
from lightning_compose.evaluation.comparison import Comparison, compare, conclusion, rows, table
from lightning_compose.evaluation.results import FOLDER
from lightning_compose.evaluation.scores import SCORES, read_scores
from lightning_compose.evaluation.table import aligned, markdown

PICTURE, CSV, MARKDOWN = "before_after.png", "comparison.csv", "comparison.md"


def run(arguments: Sequence[str]) -> None:
    """Run the command; see `lightning_compose.cli.main`."""
    options = _parser().parse_args(arguments)
    files = scores_file(options.before), scores_file(options.after)
    before, after = (read_scores(file) for file in files)
    compared = compare(before, after)
    options.out.mkdir(parents=True, exist_ok=True)
    _write_tables(compared, options.out)
    print(f"{aligned(table(compared))}\n{conclusion(compared)}")
    before_after(before, after, (files[0].parent, files[1].parent)).save(options.out / PICTURE)
    print(f"Before above after: {options.out / PICTURE}")


def scores_file(path: Path) -> Path:
    """Return the table that a path names: a table, a folder with one, or a run's folder for that of its last step."""
    if not path.is_dir() or (path / SCORES).exists():
        return path / SCORES if path.is_dir() else path
    found = [each for each in path.glob(f"{FOLDER}/*/{SCORES}") if each.parent.name.isdecimal()]
    return max(found, key=lambda each: int(each.parent.name), default=path / SCORES)


def _write_tables(compared: Sequence[Comparison], out: Path) -> None:
    (out / CSV).write_text("".join(f"{','.join(row)}\n" for row in rows(compared)), encoding="utf-8")
    (out / MARKDOWN).write_text(f"{markdown(table(compared))}\n\n{conclusion(compared)}\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog=f"{PROG} compare", description="Compare two evaluations of the same prompts and seeds.")
    parser.add_argument("before", type=Path, help="scores.csv of the one, its folder or its run's")
    parser.add_argument("after", type=Path, help="likewise of the other")
    parser.add_argument("--out", type=Path, required=True, help="folder of the tables and the picture")
    return parser
