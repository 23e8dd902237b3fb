"""The prompts of benchmarks, kept out of what is trained on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lightning_compose.prepare.prompts.near_duplicates import KnownTexts

SUFFIXES = (".txt", ".jsonl", ".json")
NAMES = ("prompt", "text")


def read_benchmarks(files: Sequence[str], threshold: float) -> KnownTexts:
    """Read the prompts that no prompt of ours may repeat.

    Args:
        files: ``.txt`` with a prompt a line (T2I-CompBench's), ``.jsonl`` with ``prompt`` in each line (GenEval's, and
            what ``shapes prompts`` writes), ``.json`` with a list of objects that have ``text`` (MultiGen's) or an
            object of objects that have ``prompt`` (GenAI-Bench's).
        threshold: From which a prompt is too near to one of them; see `near_duplicates`.

    Raises:
        FileNotFoundError: When a file is missing.
        ValueError: When a file is of another kind, or holds no prompt; names the line.
    """
    return KnownTexts(threshold, (prompt for file in files for prompt in read_prompts(Path(file).expanduser())))


def read_prompts(file: Path) -> list[str]:
    """Read the prompts of one benchmark file; see `read_benchmarks`."""
    if file.suffix not in SUFFIXES:
        raise ValueError(
            f"Expected a file of benchmark prompts to end in one of {list(SUFFIXES)}, got '{file}'. Write one prompt a "
            "line."
        )
    if not file.is_file():
        raise FileNotFoundError(f"Expected a file of benchmark prompts, found no file '{file}'. Check the path.")
    prompts = list(READERS[file.suffix](file.read_text(encoding="utf-8-sig"), str(file)))
    if not prompts:
        raise ValueError(f"Expected at least one prompt in '{file}', got an empty file.")
    return prompts


def _text_prompts(content: str, file: str) -> Iterator[str]:
    yield from (line.strip() for line in content.splitlines() if line.strip())


def _json_lines(content: str, file: str) -> Iterator[str]:
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            yield _prompt(_parsed(line, f"line {file}:{number}"), f"line {file}:{number}")


def _json(content: str, file: str) -> Iterator[str]:
    entries = _parsed(content, f"'{file}'")
    if not isinstance(entries, list | dict):
        raise ValueError(f"Expected '{file}' to hold a list or an object of prompts, got {entries!r}.")
    numbered = entries.items() if isinstance(entries, dict) else enumerate(entries)
    for name, entry in numbered:
        yield _prompt(entry, f"entry {name!r} of '{file}'")


READERS = dict(zip(SUFFIXES, (_text_prompts, _json_lines, _json), strict=True))


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"Expected {place} to be JSON, got {error}.") from error


def _prompt(entry: Any, place: str) -> str:
    named = entry if isinstance(entry, dict) else {}
    prompt = next((named[name] for name in NAMES if name in named), None)
    if not isinstance(prompt, str) or not prompt.strip():
        raise ValueError(
            f"Expected {place} to be an object with the prompt's text under one of {list(NAMES)}, got {entry!r}."
        )
    return prompt
