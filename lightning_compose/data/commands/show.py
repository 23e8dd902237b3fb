"""`shards show`."""

from __future__ import annotations

import argparse
from pathlib import Path

from lightning_compose.cli.whole_number import count
from lightning_compose.data.contact_sheet import contact_sheet
from lightning_compose.data.shards import ShardSet
from lightning_compose.data.summary import summarize


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to those of `shards`."""
    command = commands.add_parser("show", help="print what is in a set and draw some of its samples")
    command.add_argument("dir", metavar="DIR", help="the set's folder or URL")
    command.add_argument("--out", type=Path, metavar="PNG", help="the picture (default: ./DIR_samples.png)")
    command.add_argument("--samples", type=count, default=12, metavar="N", help="how many (default: %(default)s)")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    shards = ShardSet(arguments.dir)
    print(summarize(shards))
    out = arguments.out or Path(f"{Path(arguments.dir).resolve().name}_samples.png")
    samples = [shards.read(row) for row in shards.spread_rows(arguments.samples)]
    out.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(samples).save(out, "PNG")
    print(f"\nWrote {len(samples)} samples to {out}.")
