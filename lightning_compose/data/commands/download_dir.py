"""Where a command has remote shards fetched to."""

from __future__ import annotations

import argparse


def add_download_dir(command: argparse.ArgumentParser) -> None:
    """Add the argument to a command."""
    command.add_argument(
        "--download_dir",
        metavar="DIR",
        help="where remote shards go; fit needs the same (default: $LIGHTNING_COMPOSE_DOWNLOADS, or a folder in "
        "~/.cache)",
    )
