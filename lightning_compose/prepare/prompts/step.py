"""The step `prompts`: a writer is asked for drafts until every stage and category has its number of prompts.

It leaves ``prompts.jsonl``, what happened in ``prompts.json``, each answer of the writer in ``prompts/blocks`` and each
draft that is no prompt, with its reason, in ``prompts/rejected.jsonl``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lightning_compose.data.durable import replaced
from lightning_compose.prepare.model_settings import build
from lightning_compose.prepare.models.writer import Writer
from lightning_compose.prepare.prompts.answers import Answered, Answers
from lightning_compose.prepare.prompts.benchmark_filter import read_benchmarks
from lightning_compose.prepare.prompts.orders import Orders
from lightning_compose.prepare.prompts.selection import Selection
from lightning_compose.prepare.prompts.settings import PromptsSettings
from lightning_compose.prepare.rows import PromptRow, to_line

STEP = "prompts"
ROWS = "prompts.jsonl"
REPORT = "prompts.json"
REJECTED = "rejected.jsonl"


def write_prompts(settings: PromptsSettings, seed: int, workspace: Path) -> dict[str, Any]:
    """Write the prompts, or go on where that was stopped, and return what happened.

    Args:
        settings: What is wanted.
        seed: Of all that is drawn.
        workspace: Folder of the run.

    Raises:
        FileNotFoundError: When a benchmark's file is missing.
        FileExistsError: When there are prompts of somebody else.
        ValueError: When no draft became a prompt, or the answers on disk are those to other orders.
    """
    if (workspace / ROWS).exists():
        return _earlier_report(workspace)
    benchmarks = read_benchmarks(settings.benchmarks, settings.near_duplicate)
    selection = Selection(settings.cells, settings.near_duplicate, benchmarks)
    writer = build(settings.writer, Writer)
    answers = Answers(workspace / STEP / "blocks", writer, settings.parallel)
    orders = Orders(selection, seed, settings.per_order, settings.avoid, settings.patience)
    answered = _fill(selection, orders, answers)
    rows = sorted((row for rows in selection.kept.values() for row in rows), key=lambda row: row.key)
    _require_rows(rows, selection)
    report = _report(selection, answered, settings)
    _write(workspace / STEP / REJECTED, map(to_line, selection.rejected))
    _write(workspace / REPORT, [json.dumps(report, indent=2, sort_keys=True) + "\n"])
    # Last: it says that the step is done.
    _write(workspace / ROWS, map(to_line, rows))
    print(f"Prompts: {len(rows)} of {report['wanted']}; rejected: {report['rejected']}; missing: {report['short']}")
    return report


def _earlier_report(workspace: Path) -> dict[str, Any]:
    file = workspace / REPORT
    if not file.is_file():
        raise FileExistsError(
            f"Expected no '{workspace / ROWS}' before the step prompts has written it, found one. To use it, leave the "
            "section prompts out of the config; else move it away."
        )
    return json.loads(file.read_text(encoding="utf-8"))


def _fill(selection: Selection, orders: Orders, answers: Answers) -> list[Answered]:
    history: list[Answered] = []
    with tqdm(total=sum(selection.wanted.values()), unit="prompt", desc=STEP) as bar:
        while ordered := orders.next_round():
            for answered, was_there in answers.to(ordered, len(history)):
                kept = selection.take(answered.order, answered.drafts, answered.model)
                orders.tell(answered.order, kept)
                history.append(answered)
                # What was there took no time: the ETA is that of the rest.
                bar.initial += kept if was_there else 0
                bar.update(kept)
    return history


def _report(selection: Selection, answered: list[Answered], settings: PromptsSettings) -> dict[str, Any]:
    happened: Counter[str] = sum((Counter(each.counts) for each in answered), Counter())
    rejected = Counter(each.reason for each in selection.rejected)
    short = {"/".join(cell): selection.missing(cell) for cell in selection.wanted if selection.missing(cell)}
    return {
        "wanted": sum(selection.wanted.values()),
        "asked": sum(each.order.count for each in answered),
        "drafted": sum(len(each.drafts) for each in answered),
        "kept": {"/".join(cell): len(rows) for cell, rows in selection.kept.items()},
        "rejected": dict(rejected),
        "malformed": happened["malformed"],
        "retried": happened["retried"],
        "writer": dict(happened),
        "models": sorted({each.model for each in answered}),
        "short": short,
        "benchmarks": settings.benchmarks,
        "near_duplicate": settings.near_duplicate,
    }


def _require_rows(rows: list[PromptRow], selection: Selection) -> None:
    if not rows:
        reasons = dict(Counter(each.reason for each in selection.rejected))
        raise ValueError(
            f"Expected the writer to bring prompts, got none that could be kept; rejected: {reasons}. Look at its "
            "answers in prompts/blocks, and take another model or other settings."
        )


def _write(path: Path, lines: Iterable[str]) -> None:
    with replaced(path) as file:
        file.writelines(line.encode() for line in lines)
