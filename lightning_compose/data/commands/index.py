"""`shards index`."""

from __future__ import annotations

import argparse
from pathlib import Path

from lightning_compose.data.shards import ShardSet, index_shards


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to those of `shards`."""
    command = commands.add_parser("index", help="check the tars of a folder and write the index beside them")
    command.add_argument("dir", type=Path, metavar="DIR", help="the folder that holds the tars")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    index_shards(arguments.dir)
    print(f"Indexed {len(ShardSet(arguments.dir)):,} samples in {arguments.dir}.")
