"""prepare: from prompts to shards of pairs, a step at a time or all of them; what is done is not done again."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lightning_compose.cli import PROG
from lightning_compose.cli.config_files import Config, merge, read_command_line
from lightning_compose.cli.errors import OneLineParser
from lightning_compose.cli.run_lock import locked
from lightning_compose.prepare.review.options import TOLD, read_options

if TYPE_CHECKING:
    from lightning_compose.prepare.workspace import Workspace

RUN = "run"
STEPS = ("images", "prompts", "candidates", "verify", "negatives", "masks", "pack", "report")
COST = "cost"
REVIEW = "review"
EXTRAS = {"ray": "prepare", "pydantic": "prepare", "openai": "prepare", "gradio": "review", "krippendorff": "review"}


def run(arguments: Sequence[str]) -> None:
    """Run the command; see `lightning_compose.cli.main`."""
    line = read_command_line(arguments)
    options, others = _options(line.arguments)
    of_review, others = read_options(others) if options.step == REVIEW else (None, others)
    config = merge(line.config, _overrides(others))
    with _extra_packages():
        from lightning_compose.prepare.settings import read_settings
        from lightning_compose.prepare.workspace import Workspace

        settings = read_settings(config)
        if options.step == COST:
            from lightning_compose.prepare.cost import cost_table

            print(cost_table(settings))
            return
        workspace = Workspace(options.workspace)
        with _alone(workspace):
            from lightning_compose.prepare.steps import STEPS as FUNCTIONS
            from lightning_compose.prepare.steps import run_all

            if of_review is not None:
                from lightning_compose.prepare.review.step import review

                review(settings, workspace, of_review)
                return
            step = run_all if options.step == RUN else FUNCTIONS[options.step]
            step(settings, workspace)


def _options(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = _parser()
    options, others = parser.parse_known_args(arguments)
    if options.workspace is None and options.step != COST:
        parser.error("Expected --workspace, got none. Name the folder of all that is made; it may be new.")
    if options.workspace is not None and options.workspace.is_file():
        parser.error(f"Expected --workspace to be a folder, got the file '{options.workspace}'. Name another.")
    return options, others


def _overrides(arguments: Sequence[str]) -> Config:
    config: Config = {}
    remaining = iter(arguments)
    for argument in remaining:
        flag, equals, value = argument.partition("=")
        if not flag.startswith("--"):
            raise ValueError(f"Expected a setting such as --candidates.per_prompt 20, got {argument!r}.")
        text = value if equals else next(remaining, None)
        if text is None:
            raise ValueError(f"Expected {flag} to be followed by a value, got nothing.")
        config = merge(config, _nested(flag.removeprefix("--").split("."), _value(flag, text)))
    return config


def _value(flag: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"Expected {flag} to be followed by a YAML value, got {text!r}. Quote it.") from error


def _nested(path: Sequence[str], value: Any) -> Config:
    for key in reversed(path):
        value = {key: value}
    return value


@contextmanager
def _extra_packages() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        raise ModuleNotFoundError(
            f"Expected the package {error.name}, found none. Install it: pip install "
            f"'lightning_compose[{EXTRAS[error.name]}]'."
        ) from error


@contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    try:
        with locked(str(workspace.root)):
            yield
    except BlockingIOError as error:
        raise BlockingIOError(
            f"Expected '{workspace.root}' to be free, got a workspace in which another prepare is running. Wait for "
            "it, stop it, or set another --workspace."
        ) from error


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog=f"{PROG} prepare",
        description="Make pairs: --config FILE (repeatable, merged in order) says how, --section.key VALUE sets one.",
        epilog=TOLD,
        allow_abbrev=False,
    )
    told = f"{RUN} = all that the config has a section of, in order; {COST} = what that will take, computed; "
    told += f"{REVIEW} = a page on which people vote"
    parser.add_argument("step", choices=(RUN, *STEPS, COST, REVIEW), help=told)
    parser.add_argument("--workspace", type=Path, help=f"folder of all that is made; it may be new; not for {COST}")
    return parser
