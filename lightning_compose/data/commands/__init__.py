"""`python -m lightning_compose shards COMMAND`, a file a command. None of them loads torch but where it says so."""

from __future__ import annotations

import argparse
import sys
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
    given = list(sys.argv[1:] if argv is None else argv)
    with one_line_errors(f"{PROG} {given[0]}" if given and given[0] in COMMANDS else PROG):
        arguments = _arguments(given)
        arguments.run(arguments)


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
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
