"""The curriculum of a command line: flags and nulls laid over the config files' before the parser sees them.

The parser alone reaches a stage's numbers, but neither the dict of factors inside of a stage, nor can it take one away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from omegaconf import OmegaConf

from lightning_compose.cli.config_files import CommandLine, Config, merge
from lightning_compose.cli.errors import closest

PREFIX = "--curriculum.stages."


def settle_curriculum(line: CommandLine) -> CommandLine:
    """Move ``--curriculum.stages.NAME...`` flags into the configuration, and leave out what is null there.

    ``curriculum: null`` takes the curriculum away, ``curriculum: {stages: {NAME: null}}`` one stage.

    Raises:
        ValueError: When a flag has no value, or names a stage that the config files do not have.
    """
    flags, arguments = _split(line.arguments)
    none = line.config.get("curriculum") is None
    config = {key: value for key, value in line.config.items() if key != "curriculum" or not none}
    curriculum = config.get("curriculum")
    if isinstance(curriculum, dict):
        stages = curriculum.get("stages") or {}
        config["curriculum"] = {**curriculum, "stages": _without_nulls(stages)}
        _require_stages([flag for flag, _ in flags], list(stages))
    return replace(line, config=merge(config, _as_config(flags)), arguments=tuple(arguments))


def _without_nulls(stages: Any) -> Any:
    # Anything but a dict is for the parser to refuse.
    return {name: each for name, each in stages.items() if each is not None} if isinstance(stages, dict) else stages


def _require_stages(flags: Sequence[str], known: Sequence[str]) -> None:
    for flag in flags:
        name = flag.removeprefix(PREFIX).split(".")[0]
        if known and name not in known:
            raise ValueError(
                f"Expected {flag} to name a stage of the config, got {name!r}.{closest(name, known)} "
                f"Known: {known}. Add a stage in a config file."
            )


def _split(arguments: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    flags, others = [], []
    remaining = iter(arguments)
    for argument in remaining:
        if not argument.startswith(PREFIX):
            others.append(argument)
            continue
        flag, equals, value = argument.partition("=")
        value = value if equals else next(remaining, "--")
        if value.startswith("--"):
            raise ValueError(f"Expected {flag} to be followed by a value, got none.")
        flags.append((flag, value))
    return flags, others


def _as_config(flags: Sequence[tuple[str, str]]) -> Config:
    settings = OmegaConf.from_dotlist([f"{flag.removeprefix('--')}={value}" for flag, value in flags])
    return {str(key): value for key, value in OmegaConf.to_container(settings).items()}  # type: ignore[union-attr]
