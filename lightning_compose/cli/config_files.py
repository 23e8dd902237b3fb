"""Several ``--config`` files as one, merged entry by entry before the parser sees them.

The parser alone would let a second file that names one entry of a dict silently drop the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

PACKAGE = Path(__file__).resolve().parents[1]
CONFIG_FLAGS = ("--config", "-c")

Config = dict[str, Any]


@dataclass(frozen=True)
class CommandLine:
    """A command line with its config files taken out: their paths, their merged content, and all other arguments."""

    files: tuple[Path, ...] = ()
    config: Config = field(default_factory=dict)
    arguments: tuple[str, ...] = ()


def read_command_line(argv: Sequence[str]) -> CommandLine:
    """Take every ``--config FILE`` out of `argv` and merge the files in their order.

    ``--losses null``, and so for any key without dots, is taken out too, and laid over the files.

    Raises:
        FileNotFoundError: When a file is missing.
        ValueError: When a flag has no file, or a file is no YAML mapping.
    """
    files, others = _split(argv)
    nulls, arguments = _split_nulls(others)
    config: Config = {}
    for file in files:
        config = merge(config, read_config(file))
    config = merge(config, dict.fromkeys(nulls))
    return CommandLine(tuple(files), without_null_losses(config), tuple(arguments))


def read_config(file: Path) -> Config:
    """Read one YAML file; in its text values ``${here}`` is the file's folder, ``${package}`` the package's.

    All other references, such as ``${.root}``, are left to the parser.

    Raises:
        FileNotFoundError: When the file is missing.
        ValueError: When it is no YAML mapping.
    """
    if not file.is_file():
        raise FileNotFoundError(f"Expected --config to name a YAML file, found no file '{file}'. Check the path.")
    try:
        content = OmegaConf.to_container(OmegaConf.load(file)) if file.read_text().strip() else {}
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError, OSError) as error:
        raise ValueError(f"Expected '{file}' to hold YAML, got {_one_line(error)}. Correct the file.") from error
    if not isinstance(content, dict):
        raise ValueError(f"Expected '{file}' to hold keys and values, got a {type(content).__name__}.")
    folders = {"${here}": file.resolve().parent.as_posix(), "${package}": PACKAGE.as_posix()}
    return {str(key): _substitute(value, folders) for key, value in content.items()}


def merge(base: Config, overlay: Config) -> Config:
    """Return `base` overlaid by `overlay`; neither is changed.

    Dicts merge entry by entry, at any depth; everything else is replaced, lists included. A key that ends in ``+``
    appends to the list of that name. An entry whose ``class_path`` changes is replaced whole, for the old class's
    ``init_args`` mean nothing to the new one.

    >>> merge({"a": {"x": 1, "y": [1]}}, {"a": {"x": 2, "y+": 2}})
    {'a': {'x': 2, 'y': [1, 2]}}
    """
    merged = dict(base)
    for key, value in overlay.items():
        if key.endswith("+"):
            # Without a list here the key stays as it is: the parser appends to the default.
            name = key[:-1] if key[:-1] in merged else key
            merged[name] = [*_as_list(merged.get(name)), *_as_list(value)]
        else:
            merged.pop(f"{key}+", None)
            merged[key] = _merge_entry(merged.get(key), value)
    return merged


def without_null_losses(config: Config) -> Config:
    """Leave out the losses that are null: a later file has taken them away; the parser would ask for their class.

    >>> without_null_losses({"losses": {"token": {"class_path": "TokenLoss"}, "pixel": None}})
    {'losses': {'token': {'class_path': 'TokenLoss'}}}
    """
    losses = config.get("losses", {}) or {}
    if "losses" not in config or not isinstance(losses, dict):
        return config  # what is no dict is for the parser to refuse
    return {**config, "losses": {name: each for name, each in losses.items() if each is not None}}


def without_nulls(line: CommandLine) -> CommandLine:
    """Leave out the keys that are null, so that their defaults hold: the parser cannot make a group of nothing."""
    return replace(line, config={key: value for key, value in line.config.items() if value is not None})


def _split(argv: Sequence[str]) -> tuple[list[Path], list[str]]:
    files, arguments = [], []
    remaining = iter(argv)
    for argument in remaining:
        flag, _, value = argument.partition("=")
        if flag not in CONFIG_FLAGS:
            arguments.append(argument)
            continue
        value = value or next(remaining, "")
        if not value or value.startswith("--"):
            raise ValueError(f"Expected {flag} to be followed by a YAML file, got {value or 'nothing'}.")
        files.append(Path(value).expanduser())
    return files, arguments


def _split_nulls(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    # The parser takes the null of a whole group for the name of a config file.
    keys, others = [], []
    remaining = list(arguments)
    while remaining:
        flag, equals, value = remaining[0].partition("=")
        given = [value] if equals else remaining[1:2]
        if flag.startswith("--") and "." not in flag and given == ["null"]:
            keys.append(flag.removeprefix("--"))
            del remaining[: 1 if equals else 2]
        else:
            others.append(remaining.pop(0))
    return keys, others


def _merge_entry(base: Any, overlay: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(overlay, dict)) or _changes_class(base, overlay):
        return overlay
    return merge(base, overlay)


def _changes_class(base: Config, overlay: Config) -> bool:
    old, new = base.get("class_path"), overlay.get("class_path")
    if old is None or new is None:
        return False
    # A class may be named with or without its module.
    return old != new and old.rpartition(".")[2] != new and new.rpartition(".")[2] != old


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _substitute(value: Any, folders: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _substitute(each, folders) for key, each in value.items()}
    if isinstance(value, list):
        return [_substitute(each, folders) for each in value]
    if isinstance(value, str):
        for name, folder in folders.items():
            value = value.replace(name, folder)
    return value


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
