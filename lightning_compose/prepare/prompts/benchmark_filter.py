"""The prompts of benchmarks, kept out of what is trained on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from lightning_compose.prepare.prompts.near_duplicates import KnownTexts

SUFFIXES = (".txt", ".jsonl")


def read_benchmarks(files: Sequence[str], threshold: float) -> KnownTexts:
    """Read the prompts that no prompt of ours may repeat.

    Args:
        files: ``.txt`` with a prompt a line (T2I-CompBench's), ``.jsonl`` with ``prompt`` in each line (GenEval's, and
            what ``shapes prompts`` writes).
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
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    read = _json_prompt if file.suffix == ".jsonl" else _text_prompt
    prompts = [read(line, f"{file}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not prompts:
        raise ValueError(f"Expected at least one prompt in '{file}', got an empty file.")
    return prompts


def _text_prompt(line: str, place: str) -> str:
    return line.strip()


def _json_prompt(line: str, place: str) -> str:
    try:
        prompt = json.loads(line)["prompt"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"Expected line {place} to be a JSON object with `prompt`, got {error!r}.") from error
    if not isinstance(prompt, str) or not prompt.strip():
        raise ValueError(f"Expected `prompt` in line {place} to be a text, got {prompt!r}.")
    return prompt
