"""What the command line of the step `review` takes beside the settings."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning_compose.cli import PROG
from lightning_compose.cli.errors import OneLineParser

TOLD = (
    "review takes --host and --port of its page, or instead of opening it: --agreement to tell how far annotators "
    "agree, --write_tasks to write tasks for Label Studio, --read_annotations FILE to take its export."
)


@dataclass(frozen=True)
class ReviewOptions:
    """What is done, and where the page is.

    Args:
        host: Address to listen at.
        port: Likewise.
        agreement: Tell the agreement, and open no page.
        write_tasks: Write tasks for Label Studio, and open no page.
        read_annotations: Take the votes of this export of Label Studio, and open no page.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    agreement: bool = False
    write_tasks: bool = False
    read_annotations: Path | None = None


def read_options(arguments: Sequence[str]) -> tuple[ReviewOptions, list[str]]:
    """Return the options, and the arguments that are none of them."""
    found, others = _parser().parse_known_args(arguments, Namespace())
    return ReviewOptions(**vars(found)), others


def _parser() -> OneLineParser:
    parser = OneLineParser(prog=f"{PROG} prepare review", allow_abbrev=False, add_help=False)
    parser.add_argument("--host", default=ReviewOptions.host)
    parser.add_argument("--port", type=int, default=ReviewOptions.port)
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--agreement", action="store_true")
    instead.add_argument("--write_tasks", action="store_true")
    instead.add_argument("--read_annotations", type=Path)
    return parser
