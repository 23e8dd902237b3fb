"""A model as a config names it: its class and its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeVar

from lightning_compose.cli.errors import closest

Role = TypeVar("Role")


@dataclass(frozen=True)
class ModelSettings:
    """What a model is built from, once in each worker.

    Args:
        class_path: Module and class, such as ``my_models.MyPainter``.
        init_args: Arguments of the class.
    """

    class_path: str
    init_args: Mapping[str, Any] = field(default_factory=dict)


def require_role(model: ModelSettings, role: type[Role]) -> type[Role]:
    """Return the model's class, without building it.

    Raises:
        ValueError: When there is no such class, it is of another role, or does not take the arguments.
    """
    found = _class(model.class_path)
    if not issubclass(found, role):
        raise ValueError(
            f"Expected a subclass of {role.__module__}.{role.__name__}, got {model.class_path!r}. Name one, or derive "
            "one."
        )
    _require_arguments(found, model.init_args)
    return found


def build(model: ModelSettings, role: type[Role]) -> Role:
    """Build the model."""
    return require_role(model, role)(**model.init_args)


def _class(class_path: str) -> type[Any]:
    module, _, name = class_path.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"Expected `class_path` to name a module and a class that can be imported, such as package.module.Class, "
            f"got {class_path!r}: {error}."
        ) from error
    if not inspect.isclass(found):
        raise ValueError(f"Expected {class_path!r} to be a class, got a {type(found).__name__}.")
    return found


def _require_arguments(found: type[Any], arguments: Mapping[str, Any]) -> None:
    signature = inspect.signature(found)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        known = list(signature.parameters)
        unknown = next((each for each in arguments if each not in known), "")
        raise ValueError(
            f"Expected `init_args` that {found.__name__} takes, got {dict(arguments)}: {error}."
            f"{closest(unknown, known)} It takes {known}."
        ) from error
