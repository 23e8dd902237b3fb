"""`python -m lightning_compose shards`: index, show or pack shards. No command of these loads torch."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lightning_compose.cli.errors import OneLineParser, one_line_errors
from lightning_compose.data.contact_sheet import contact_sheet
from lightning_compose.data.pack import pack_table
from lightning_compose.data.shards import ShardSet, index_shards
from lightning_compose.data.summary import summarize
from lightning_compose.data.user_table import COLUMNS

PROG = "python -m lightning_compose shards"


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command.

    Args:
        argv: The arguments after the program's name; None = those of the process.
    """
    with one_line_errors(PROG):
        arguments = _parser().parse_args(argv)
        arguments.run(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog=PROG, description="Index, show or pack shards.")
    commands = parser.add_subparsers(required=True, metavar="index|show|pack")
    _add_index(commands)
    _add_show(commands)
    _add_pack(commands)
    return parser


def _add_index(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("index", help="check the tars of a folder and write the index beside them")
    command.add_argument("dir", type=Path, metavar="DIR", help="the folder that holds the tars")
    command.set_defaults(run=_index)


def _add_show(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("show", help="print what is in a set and draw some of its samples")
    command.add_argument("dir", type=Path, metavar="DIR", help="the set's folder")
    command.add_argument("--out", type=Path, metavar="PNG", help="the picture (default: ./DIR_samples.png)")
    command.add_argument("--samples", type=_count, default=12, metavar="N", help="how many (default: %(default)s)")
    command.set_defaults(run=_show)


def _add_pack(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "pack",
        help="write your own images as a set of shards",
        description=f"Columns: {', '.join(COLUMNS)}; all but the first two may lack. Files are relative to the table. "
        "In a CSV lists are separated by semicolons.",
    )
    command.add_argument("table", type=Path, metavar="TABLE", help="a .csv or .jsonl, a pair a row")
    command.add_argument("out", type=Path, metavar="OUT", help="the new set's folder")
    command.set_defaults(run=_pack)


def _index(arguments: argparse.Namespace) -> None:
    index_shards(arguments.dir)
    print(f"Indexed {len(ShardSet(arguments.dir)):,} samples in {arguments.dir}.")


def _show(arguments: argparse.Namespace) -> None:
    shards = ShardSet(arguments.dir)
    print(summarize(shards))
    out = arguments.out or Path(f"{arguments.dir.resolve().name}_samples.png")
    samples = [shards.read(row) for row in shards.spread_rows(arguments.samples)]
    out.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(samples).save(out, "PNG")
    print(f"\nWrote {len(samples)} samples to {out}.")


def _pack(arguments: argparse.Namespace) -> None:
    pairs = pack_table(arguments.table, arguments.out)
    print(f"Packed {pairs:,} pairs into {arguments.out}. Look at them: {PROG} show {arguments.out}")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"Expected a number of at least 1, got {text!r}.")
    return int(text)
