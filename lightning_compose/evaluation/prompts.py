"""The prompts of a benchmark: what is drawn, and what is asked of the image."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_compose.data.schema import CATEGORIES, Question

MULTIGEN = "multigen"
COMPOSITIONAL = tuple(name for name in CATEGORIES if name != "other")
SPLITS = ("seen", "held_out")
ENTITY = "entity"


@dataclass(frozen=True, slots=True)
class BenchmarkPrompt:
    """A prompt, the seed of its image and the questions that the image must answer.

    Args:
        prompt: What is drawn.
        seed: Of the image, in [0, 2**64).
        category: One of the eight, or ``"multigen"``.
        split: ``"seen"``: the compositions occur in training; ``"held_out"``: they do not.
        questions: Those that others depend on come first.
        stage: How hard it is, as a training pair's; empty where nobody says.
    """

    prompt: str
    seed: int
    category: str
    split: str
    questions: tuple[Question, ...]
    stage: str = ""

    def __post_init__(self) -> None:
        for name, known in (("category", (*COMPOSITIONAL, MULTIGEN)), ("split", SPLITS)):
            if getattr(self, name) not in known:
                raise ValueError(f"Expected `{name}` to be one of {list(known)}, got {getattr(self, name)!r}.")
        if not self.questions:
            raise ValueError(f"Expected questions about the prompt {self.prompt!r}, got none.")

    @property
    def is_entity(self) -> tuple[bool, ...]:
        """Which of the questions ask whether something is there."""
        return tuple(each.kind == ENTITY for each in self.questions)

    def to_json(self) -> str:
        """Return the prompt as one line, which `predict` takes, too."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)


def write_prompts(prompts: Iterable[BenchmarkPrompt], file: Path) -> None:
    """Write a line each."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{each.to_json()}\n" for each in prompts), encoding="utf-8")


def read_benchmark(file: Path) -> list[BenchmarkPrompt]:
    """Read what `write_prompts` wrote; keys that are not ours are ignored.

    Raises:
        FileNotFoundError: When the file is missing.
        ValueError: When it holds no prompt, or a line is none; names the line.
    """
    if not file.is_file():
        raise FileNotFoundError(
            f"Expected a .jsonl file of benchmark prompts, found no file '{file}'. "
            "`python -m lightning_compose shapes prompts --out FILE` writes one."
        )
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    prompts = [_parse(line, f"{file}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not prompts:
        raise ValueError(f"Expected at least one prompt in '{file}', got an empty file.")
    return prompts


def _parse(line: str, place: str) -> BenchmarkPrompt:
    try:
        return _prompt(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"Expected line {place} to be a JSON object with prompt, seed, category, split and questions, got "
            f"{error!r}."
        ) from error


def _prompt(row: dict[str, Any]) -> BenchmarkPrompt:
    if not isinstance(row["prompt"], str) or type(row["seed"]) is not int:
        raise TypeError("a text `prompt` and an integer `seed` are needed")
    questions = tuple(_question(each) for each in row["questions"])
    return BenchmarkPrompt(
        row["prompt"], row["seed"], row["category"], row["split"], questions, str(row.get("stage", ""))
    )


def _question(row: dict[str, Any]) -> Question:
    arguments, depends_on = tuple(row.get("arguments", ())), tuple(row.get("depends_on", ()))
    return Question(row["id"], row["question"], row["answer"], row["kind"], arguments, depends_on)
