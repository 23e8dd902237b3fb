"""What became of each prompt of a benchmark, as a table file."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning_compose.evaluation.judge import Verdict
from lightning_compose.evaluation.prompts import BenchmarkPrompt

SCORES = "scores.csv"
ANSWERS_SEPARATOR = " | "


@dataclass(frozen=True, slots=True)
class Score:
    """A row of the table.

    Args:
        index: Of the prompt in the benchmark.
        category: Of the prompt, as its split, stage, seed and text.
        correct: Whether all questions are answered rightly.
        found: How many of the objects that the prompt names are there.
        objects: How many it names.
        right: How many questions are answered rightly.
        questions: How many there are.
        answers: A question each: ``question answer``, a wrong one in brackets.
        clip_score: Of image and prompt, in [0, 100]; None = not measured.
        file: Of the image, relative to the table's folder; empty where it was not kept.
    """

    index: int
    category: str
    split: str
    stage: str
    seed: int
    prompt: str
    correct: bool
    found: int
    objects: int
    right: int
    questions: int
    answers: str
    clip_score: float | None = None
    file: str = ""


def score(index: int, prompt: BenchmarkPrompt, verdict: Verdict, file: str, clip_score: float | None) -> Score:
    """Tell what a verdict says of prompt `index`."""
    return Score(
        index=index,
        category=prompt.category,
        split=prompt.split,
        stage=prompt.stage,
        seed=prompt.seed,
        prompt=prompt.prompt,
        correct=verdict.correct,
        found=sum(right for right, is_entity in zip(verdict.right, prompt.is_entity, strict=True) if is_entity),
        objects=sum(prompt.is_entity),
        right=sum(verdict.right),
        questions=len(prompt.questions),
        answers=_written(prompt, verdict),
        clip_score=clip_score,
        file=file,
    )


def write_scores(scores: Iterable[Score], file: Path) -> None:
    """Write a row each, below a header."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(field.name for field in dataclasses.fields(Score))
        writer.writerows(map(_cells, scores))


def read_scores(file: Path) -> list[Score]:
    """Read what `write_scores` wrote.

    Raises:
        FileNotFoundError: When the file is missing.
        ValueError: When it is no such table, or has no rows.
    """
    if not file.is_file():
        raise FileNotFoundError(f"Expected the scores of a benchmark, found no file '{file}'. Check the path.")
    try:
        with file.open(newline="", encoding="utf-8") as opened:
            scores = [_parse(row) for row in csv.DictReader(opened)]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"Expected '{file}' to be a table as `test` or `score` writes it, got {error!r}.") from error
    if not scores:
        raise ValueError(f"Expected at least one row in '{file}', got none.")
    return scores


def _written(prompt: BenchmarkPrompt, verdict: Verdict) -> str:
    each = zip(prompt.questions, verdict.answers, verdict.right, strict=True)
    texts: Sequence[str] = [f"{asked.question} {given if right else f'[{given}]'}" for asked, given, right in each]
    return ANSWERS_SEPARATOR.join(texts)


def _cells(each: Score) -> list[object]:
    written = dataclasses.asdict(each) | {"correct": int(each.correct)}
    written["clip_score"] = "" if each.clip_score is None else f"{each.clip_score:.4f}"
    return list(written.values())


def _parse(row: dict[str, str]) -> Score:
    numbers = {name: int(row[name]) for name in ("index", "seed", "found", "objects", "right", "questions")}
    texts = {name: row[name] for name in ("category", "split", "stage", "prompt", "answers", "file")}
    clip_score = float(row["clip_score"]) if row["clip_score"] else None
    return Score(**numbers, **texts, correct=row["correct"] == "1", clip_score=clip_score)  # type: ignore[arg-type]
