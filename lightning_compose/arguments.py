"""Arguments out of their range, refused by name as soon as they are given."""

from __future__ import annotations

from numbers import Integral
from typing import Any


def require_at_least(least: int, **values: int) -> None:
    """Refuse a number that is too small, or not whole.

    Args:
        least: The smallest that is taken.
        values: By the names of their arguments.

    Raises:
        ValueError: For the first that is.
    """
    for name, value in values.items():
        _require_whole(name, value)
        if value < least:
            raise ValueError(f"Expected `{name}` to be at least {least}, got {value}.")


def require_between(least: int, most: int, **values: int) -> None:
    """Refuse a number that is out of its range, or not whole.

    Args:
        least: The smallest that is taken.
        most: The largest.
        values: By the names of their arguments.

    Raises:
        ValueError: For the first that is.
    """
    for name, value in values.items():
        _require_whole(name, value)
        if not least <= value <= most:
            raise ValueError(f"Expected `{name}` to be in [{least}, {most}], got {value}.")


def require_share(**values: float) -> None:
    """Refuse what is no share in [0, 1].

    Args:
        values: By the names of their arguments.

    Raises:
        ValueError: For the first that is none.
    """
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise ValueError(f"Expected `{name}` to be a share in [0, 1], got {value}.")


def require_part(**values: float) -> None:
    """Refuse what is no share in [0, 1): a part that leaves some.

    Args:
        values: By the names of their arguments.

    Raises:
        ValueError: For the first that is none.
    """
    for name, value in values.items():
        if not 0 <= value < 1:
            raise ValueError(f"Expected `{name}` to be a share in [0, 1), got {value}.")


def require_one_of(known: tuple[Any, ...], **values: object) -> None:
    """Refuse a choice that there is not.

    Args:
        known: What there is, such as `typing.get_args` of a `Literal`.
        values: By the names of their arguments.

    Raises:
        ValueError: For the first that is not among them.
    """
    for name, value in values.items():
        if value not in known:
            raise ValueError(f"Expected `{name}` to be one of {list(known)}, got {value!r}.")


def _require_whole(name: str, value: int) -> None:
    # A bool is an int to Python.
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ValueError(f"Expected `{name}` to be a whole number, got {value!r}.")
