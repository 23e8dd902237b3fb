"""`shards cache`."""

from __future__ import annotations

import argparse
from pathlib import Path

from lightning_compose.cli.whole_number import count
from lightning_compose.data.commands.prog import PROG


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to those of `shards`."""
    command = commands.add_parser(
        "cache",
        help="write the features of a set: what the frozen encoders make of its images and captions",
        epilog="Keys of the config that are used, from its files or as flags: model.backbone, data.size_px, "
        "data.on_bad_sample, data.download_dir, data.download_limit_gb; of a file the others are left alone.",
        usage=f"{PROG} cache DIR --config YAML --out CACHE [options] [a key of the config, such as --data.size_px 512]",
    )
    command.add_argument("dir", metavar="DIR", help="the set's folder or URL")
    command.add_argument(
        "-c", "--config", action="append", metavar="YAML", help="that of the training; may be repeated"
    )
    command.add_argument("--out", type=Path, required=True, metavar="CACHE", help="the cache's folder")
    command.add_argument("--processes", type=count, default=1, metavar="N", help="that encode (default: %(default)s)")
    command.add_argument("--batch_size", type=count, default=8, metavar="N", help="at once (default: %(default)s)")
    command.add_argument("--device", default="auto", help="cuda or cpu (default: a GPU where there is one)")
    command.set_defaults(run=run, takes_keys=True)


def run(arguments: argparse.Namespace) -> None:
    # Imported here: it loads torch.
    from lightning_compose.cli.feature_cache import run as cache

    files = [part for file in arguments.config or () for part in ("--config", file)]
    keys = [*files, *arguments.keys]
    cache(arguments.dir, arguments.out, keys, arguments.processes, arguments.batch_size, arguments.device)
