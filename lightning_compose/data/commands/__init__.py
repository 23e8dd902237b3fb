"""`python -m lightning_compose shards COMMAND`, a file a command. None of them loads torch but where it says so."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from lightning_compose.cli.errors import OneLineParser, one_line_errors
from lightning_compose.data.commands import cache, check, fetch, index, pack, show
from lightning_compose.data.commands.prog import PROG

COMMANDS = {"index": index, "check": check, "show": show, "pack": pack, "cache": cache, "fetch": fetch}


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command.

    Args:
        argv: The arguments after the program's name; None = those of the process.
    """
    with one_line_errors(PROG):
        arguments = _arguments(argv)
        arguments.run(arguments)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    arguments, others = parser.parse_known_args(argv)
    # Keys of a config, for a command that takes them.
    arguments.keys = others
    if others and "takes_keys" not in arguments:
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog=PROG, description="Make, look at and check sets of shards.")
    commands = parser.add_subparsers(required=True, metavar="|".join(COMMANDS))
    for command in COMMANDS.values():
        command.add(commands)
    return parser
