"""`shards fetch`."""

from __future__ import annotations

import argparse

from lightning_compose.data.remote.limits import downloads_of
from lightning_compose.data.remote.progress import fetch_all
from lightning_compose.data.shards import ShardError, ShardSet
from lightning_compose.data.shards.files import RemoteFiles


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to those of `shards`."""
    command = commands.add_parser("fetch", help="fetch all shards of a remote set ahead of time")
    command.add_argument("url", metavar="URL", help="the set's: s3://, gs://, https://, http:// or hf://")
    command.add_argument(
        "--download_dir",
        metavar="DIR",
        help="where to; fit needs the same (default: $LIGHTNING_COMPOSE_DOWNLOADS, or a folder in ~/.cache)",
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    shards = ShardSet(arguments.url, downloads_of(arguments.download_dir, None))
    if not isinstance(shards.files, RemoteFiles):
        raise ShardError(arguments.url, None, "not_remote", "Expected a URL, got a folder: nothing is to be fetched.")
    fetched = fetch_all(shards.files, shards.shards, "Fetching")
    total = sum(shard.bytes for shard in shards.shards)
    print(
        f"Fetched {fetched:,} shards of {len(shards.shards):,}; all {total / 1e9:,.3f} GB, {len(shards):,} samples, "
        f"are in {shards.files.downloads.folder}."
    )
