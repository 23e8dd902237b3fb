"""`shards index`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from lightning_compose.data.bad_samples import OnBadSample
from lightning_compose.data.commands.prog import PROG
from lightning_compose.data.findings import Finding, table
from lightning_compose.data.shards import ShardSet, index_shards


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to those of `shards`."""
    command = commands.add_parser("index", help="check the tars of a folder and write the index beside them")
    command.add_argument("dir", type=Path, metavar="DIR", help="the folder that holds the tars")
    command.add_argument(
        "--on_bad_sample",
        choices=get_args(OnBadSample),
        default="raise",
        help="what the first bad sample does: end it all, or get no row and be counted (default: %(default)s)",
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    refused = index_shards(arguments.dir, on_bad_sample=arguments.on_bad_sample)
    print(f"Indexed {len(ShardSet(arguments.dir)):,} samples in {arguments.dir}.")
    if refused:
        print(f"Refused {len(refused):,} samples and shards:")
        print(table([Finding("refused", each.reason, each.shard) for each in refused]))
        print(f"Every one of them: {PROG} check {arguments.dir} --out report.csv")
