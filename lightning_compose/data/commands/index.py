"""`shards index`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import get_args

from lightning_compose.data.bad_samples import OnBadSample
from lightning_compose.data.commands.prog import PROG
from lightning_compose.data.findings import Finding, table
from lightning_compose.data.shards import ShardError, ShardSet, index_shards
from lightning_compose.data.shards.changes import losses
from lightning_compose.data.shards.table import INDEX, Index, parse_index


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
    before = _index(arguments.dir)
    refused = index_shards(arguments.dir, on_bad_sample=arguments.on_bad_sample)
    print(f"Indexed {len(ShardSet(arguments.dir)):,} samples in {arguments.dir}.")
    if before:
        _warn_of_losses(before, _index(arguments.dir) or before)
    if refused:
        print(f"Refused {len(refused):,} samples and shards:")
        print(table([Finding("refused", each.reason, each.shard) for each in refused]))
        print(f"Every one of them: {PROG} check {arguments.dir} --out report.csv")


def _index(root: Path) -> Index | None:
    """Return what the index of a folder says; None = there is none that can be read."""
    try:
        return parse_index((root / INDEX).read_bytes(), root)
    except (OSError, ShardError):
        return None


def _warn_of_losses(before: Index, after: Index) -> None:
    lost = losses(before, after)
    if lost:
        samples = sum(shard.samples for shard in before.shards)
        had = f"The index before had {samples:,} samples in {len(before.shards):,} shards"
        print(f"warning: {had}; {', '.join(lost)}. If that is a loss, restore them and index again.", file=sys.stderr)
