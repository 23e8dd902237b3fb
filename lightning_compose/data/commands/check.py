"""`shards check`."""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lightning_compose.cli.whole_number import count
from lightning_compose.data.commands.download_dir import add_download_dir
from lightning_compose.data.findings import Finding, table, write_csv
from lightning_compose.data.remote.limits import downloads_of
from lightning_compose.data.set_check import check_set
from lightning_compose.data.shards import ShardSet


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to those of `shards`."""
    command = commands.add_parser(
        "check",
        help="read all of a set and list what is bad in it, and which nouns have no supervision",
        description="Ends with code 1 when a sample is bad, or was refused when the set was indexed.",
    )
    command.add_argument("dir", metavar="DIR", help="the set's folder, or its URL")
    command.add_argument("--out", type=Path, metavar="CSV", help="write a line a sample to this file")
    command.add_argument("--size_px", type=count, default=512, metavar="N", help="data.size_px (default: %(default)s)")
    command.add_argument(
        "--max_nouns", type=count, default=8, metavar="N", help="data.max_nouns (default: %(default)s)"
    )
    add_download_dir(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    shards = ShardSet(arguments.dir, downloads_of(arguments.download_dir, None), all_there=False)
    with warnings.catch_warnings():
        # What training warns of is in the table.
        warnings.simplefilter("ignore")
        findings = check_set(shards, arguments.size_px, arguments.max_nouns)
    print(f"{arguments.dir}: {len(shards):,} samples; {_counts(findings)}.")
    if findings:
        print(table(findings))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        write_csv(findings, arguments.out)
        print(f"Wrote {len(findings):,} lines to {arguments.out}.")
    if any(each.kind != "unsupervised" for each in findings):
        raise SystemExit(1)


def _counts(findings: Sequence[Finding]) -> str:
    counts: Counter[str] = Counter()
    for each in findings:
        counts[each.kind if each.key else "shards"] += each.count
    return (
        f"{counts['bad']:,} bad, {counts['refused']:,} refused when indexed, {counts['shards']:,} bad or refused "
        f"shards, {counts['unsupervised']:,} unsupervised nouns"
    )
