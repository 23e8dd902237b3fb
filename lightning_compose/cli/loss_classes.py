"""Losses of a command line that have no class: names that were misspelt."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from lightning_compose.cli.errors import closest
from lightning_compose.losses.base import LossCallback


def require_loss_classes(named: Mapping[str, Any]) -> None:
    """Refuse a loss that nobody gave a class.

    Args:
        named: Each loss's settings, as the parser read them.

    Raises:
        ValueError: For the first, with the name that may have been meant.
    """
    # A misspelt name in --losses.NAME.weight makes the parser invent an entry of the base class.
    invented = [name for name, each in named.items() if _class(each.class_path) is LossCallback]
    if invented:
        known = [name for name in named if name not in invented]
        raise ValueError(
            f"Expected `losses.{invented[0]}` to have a class, got none.{closest(invented[0], known)} "
            f"Known: {known}. Give the class in the config, or --losses.{invented[0]} CLASS."
        )


def _class(class_path: str) -> Any:
    module, _, name = class_path.rpartition(".")
    return getattr(import_module(module), name)
