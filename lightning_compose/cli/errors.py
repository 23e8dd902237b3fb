"""Mistakes of the user in one line, without the usage and the traceback; bugs keep their traceback."""

from __future__ import annotations

import argparse
import difflib
import inspect
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pickle import UnpicklingError
from types import TracebackType
from typing import NoReturn

TRACEBACK_VARIABLE = "LIGHTNING_COMPOSE_TRACEBACK"
EXIT_CODE = 2
INTERRUPTED = 130  # as a shell reports a process that Ctrl-C ended

# What the parser says around the useful part when a value fits none of several types.
PARSER_CLUTTER = ("Does not validate against any of the Union subtypes", "Subtypes:", "Errors:", "Given value type:")
PARSER_PHRASES = (
    (r"^argument (?:\w+\()?(\w+)\)? --> (\S+): .*$", r"Expected \2 to follow from \1, got a value. Set --\1 instead."),
    (r'^Parser key "(.+?)":', r"\1:"),
    (r"^the following arguments are required: (?:\w+\.)?(\S+)$", r"Expected a value for \1, got none. Set --\1."),
    (r"^Subcommand '\w+' does not accept option '(.+?)'$", r"Expected a known key, got '\1'."),
    (r"^Option '(.+?)' is not accepted$", r"Expected a known key, got '\1'."),
    (r"^unrecognized arguments: (.+)$", r"Expected a known argument, got '\1'."),
    (r"Expected an? (?:typing\.)?Literal\[(.+?)\]", r"Expected one of \1"),
    (r"Expected an? <class '(.+?)'>", r"Expected \1"),
    (r"[.;] (?:Got|Given) value: (.+)$", r", got '\1'"),
    (r"Expected a dot import path string: (\S+)", r"Expected a class by its name or its import path, got '\1'"),
)


class OneLineParser(argparse.ArgumentParser):
    """A parser that raises what argparse would print below the whole usage."""

    def error(self, message: str) -> NoReturn:
        raise argparse.ArgumentError(None, message)


@contextmanager
def one_line_errors(help_command: str) -> Iterator[None]:
    """Turn a mistake of the user into one line on stderr and exit code 2.

    Args:
        help_command: Named at the end of the line when the command line itself is wrong.

    The environment variable ``LIGHTNING_COMPOSE_TRACEBACK=1`` keeps every traceback.
    """
    try:
        yield
    except KeyboardInterrupt:
        print("Interrupted", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    except Exception as error:
        line = useful_line(error)
        if line is None or os.environ.get(TRACEBACK_VARIABLE):
            raise
        hint = f" (see {help_command} --help)" if isinstance(error, argparse.ArgumentError) else ""
        sys.stdout.flush()
        print(f"error: {line}{hint}", file=sys.stderr)
        raise SystemExit(EXIT_CODE) from None


def useful_line(error: Exception) -> str | None:
    """Return what a person should read of an error, or None when it looks like a bug."""
    if isinstance(error, argparse.ArgumentError):
        return error.message
    if "in DataLoader worker process" in str(error):
        return _worker_line(str(error))
    if isinstance(error, UnpicklingError):
        return (
            "Expected a checkpoint as fit writes it, of plain tensors and numbers, got a file that is damaged or would "
            "run code when loaded. Take another."
        )
    # A package that is not installed: an optional logger, most often.
    if isinstance(error, OSError | ModuleNotFoundError) or _is_misconfiguration(error) or _is_ours(error):
        return _collapse(str(error)) or type(error).__name__
    return None


def explain(message: str, known_keys: Iterable[str]) -> str:
    """Say in one line what the parser says in several, with the known key that an unknown one may have meant."""
    parts = [each.strip().removeprefix("- ") for each in message.splitlines() if each.strip()]
    line = "; ".join(part for part in parts if not part.startswith(PARSER_CLUTTER)).replace(":;", ":")
    for pattern, replacement in PARSER_PHRASES:
        line = re.sub(pattern, replacement, line)
    in_class = re.search(r".*given class_path '(.+?)': .*Option '(.+?)' is not accepted$", line)
    if in_class:
        return f"{line}.{closest(in_class[2], _arguments_of(in_class[1]))}"
    unknown = re.match(r"Expected a known \w+, got '(?:--)?([^'= ]+)", line)
    return line + (closest(unknown[1], known_keys) if unknown else "")


def closest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean ...?", or nothing when no known name is near."""
    matches = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean '{matches[0]}'?" if matches else ""


def _arguments_of(class_path: str) -> list[str]:
    module, _, name = class_path.rpartition(".")
    try:
        return list(inspect.signature(getattr(import_module(module), name)).parameters)
    except (ImportError, AttributeError, ValueError, TypeError):
        # Not to hide the mistake itself.
        return []


def _worker_line(message: str) -> str | None:
    # torch re-raises a worker's error with the worker's traceback as its message.
    last = message.strip().splitlines()[-1]
    name, _, text = last.partition(": ")
    return text if name.startswith("lightning_compose.") or text.startswith("Expected ") else None


def _is_misconfiguration(error: Exception) -> bool:
    # By name: Lightning must not be imported for the commands that do without it.
    return any(each.__name__ == "MisconfigurationException" for each in type(error).__mro__)


def _is_ours(error: Exception) -> bool:
    raised_here = _innermost_module(error.__traceback__).partition(".")[0] == "lightning_compose"
    return raised_here and (isinstance(error, ValueError) or str(error).startswith("Expected "))


def _innermost_module(traceback: TracebackType | None) -> str:
    name = ""
    while traceback is not None:
        name = traceback.tb_frame.f_globals.get("__name__", "")
        traceback = traceback.tb_next
    return name


def _collapse(text: str) -> str:
    return " ".join(text.split())
