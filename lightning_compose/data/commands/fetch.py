"""`shards fetch`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from lightning_compose.data.commands.download_dir import add_download_dir
from lightning_compose.data.remote.limits import downloads_of
from lightning_compose.data.remote.progress import drop_damaged, fetch_all
from lightning_compose.data.remote.url import is_url
from lightning_compose.data.shards import ShardError, ShardSet
from lightning_compose.data.shards.files import RemoteFiles

# A dotted name, or a port: `host.org/set`, `localhost:8000`.
_HOST = re.compile(r"[\w-]+((\.[\w-]+)+(:\d+)?|:\d+)(/|$)")


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to those of `shards`."""
    command = commands.add_parser("fetch", help="fetch all shards of a remote set ahead of time")
    command.add_argument("url", metavar="URL", help="the set's: s3://, gs://, https://, http:// or hf://")
    add_download_dir(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    _require_scheme(arguments.url)
    shards = ShardSet(arguments.url, downloads_of(arguments.download_dir, None))
    files = shards.files
    if not isinstance(files, RemoteFiles):
        raise _no_url(arguments.url)
    damaged = drop_damaged(files, shards.shards)
    fetched = fetch_all(files, shards.shards, "Fetching")
    total = sum(shard.bytes for shard in shards.shards)
    again = f", {damaged:,} of them again, as they were damaged here" if damaged else ""
    print(
        f"Fetched {fetched:,} shards of {len(shards.shards):,}{again}; all {total / 1e9:,.3f} GB, {len(shards):,} "
        f"samples, are in {files.downloads.folder}."
    )


def _no_url(text: str) -> ShardError:
    return ShardError(text, None, "not_remote", "Expected a URL, got a folder: nothing is to be fetched.")


def _require_scheme(url: str) -> None:
    if not is_url(url) and _HOST.match(url) and not Path(url).exists():
        raise ShardError(url, None, "no_scheme", f"Expected a URL with its scheme: did you mean http://{url}?")
