"""A whole number on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def at_least(lowest: int) -> Callable[[str], int]:
    """Return what parses a whole number in [`lowest`, inf), for argparse's `type`.

    Args:
        lowest: Not below 0.
    """

    def integer(text: str) -> int:
        if not text.isdecimal() or int(text) < lowest:
            raise argparse.ArgumentTypeError(f"Expected a whole number of at least {lowest}, got {text!r}.")
        return int(text)

    return integer


count = at_least(1)
