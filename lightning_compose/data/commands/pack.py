"""`shards pack`."""

from __future__ import annotations

import argparse
from pathlib import Path

from lightning_compose.data.commands.prog import PROG
from lightning_compose.data.pack import pack_table
from lightning_compose.data.user_table import COLUMNS


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to those of `shards`."""
    command = commands.add_parser(
        "pack",
        help="write your own images as a set of shards",
        description=f"Columns: {', '.join(COLUMNS)}; all but the first two may lack. Files are relative to the table. "
        "In a CSV lists are separated by semicolons.",
    )
    command.add_argument("table", type=Path, metavar="TABLE", help="a .csv or .jsonl, a pair a row")
    command.add_argument("out", type=Path, metavar="OUT", help="the new set's folder")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    pairs = pack_table(arguments.table, arguments.out)
    print(f"Packed {pairs:,} pairs into {arguments.out}. Look at them: {PROG} show {arguments.out}")
