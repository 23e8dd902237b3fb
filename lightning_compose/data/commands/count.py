"""A number on the command line."""

from __future__ import annotations

import argparse


def count(text: str) -> int:
    """Parse a whole number of at least 1, for argparse's `type`."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"Expected a number of at least 1, got {text!r}.")
    return int(text)
