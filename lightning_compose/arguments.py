"""Arguments out of their range, refused by name as soon as they are given."""

from __future__ import annotations

from typing import Any


def require_at_least(least: int, **values: int) -> None:
    """Refuse a number that is too small.

    Args:
        least: The smallest that is taken.
        values: By the names of their arguments.

    Raises:
        ValueError: For the first that is smaller.
    """
    for name, value in values.items():
        if value < least:
            raise ValueError(f"Expected `{name}` to be at least {least}, got {value}.")


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
