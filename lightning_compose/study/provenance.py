"""Where and with what each life of a run was computed, kept in the run's own folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lightning_compose.study.machine import describe_machine, versions

LIVES = "lives.jsonl"
CIRCUMSTANCES = ("machine", "versions", "threads", "jobs")

Life = dict[str, Any]


def record_life(folder: Path, threads: int, jobs: int) -> None:
    """Append what the life of a run that begins now is computed with.

    Args:
        folder: Of the run.
        threads: Of its process.
        jobs: Runs side by side.
    """
    life = {"began": now(), "machine": describe_machine(), "versions": versions(), "threads": threads, "jobs": jobs}
    with (folder / LIVES).open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(life)}\n")


def read_lives(folder: Path) -> list[Life]:
    """Return the lives of a run, the first one first."""
    file = folder / LIVES
    # A kill may have cut a line off.
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def alike(lives_by_run: Mapping[str, Iterable[Life]]) -> list[tuple[Life, list[str]]]:
    """Sort lives by their circumstances.

    Args:
        lives_by_run: By the run's name.

    Returns:
        The circumstances that most runs had a life in, with the names of these runs; then the others.
    """
    groups: dict[str, tuple[Life, list[str]]] = {}
    for name, lives in lives_by_run.items():
        for life in lives:
            circumstances = {key: life[key] for key in CIRCUMSTANCES}
            _, names = groups.setdefault(json.dumps(circumstances, sort_keys=True), (circumstances, []))
            names += [] if name in names else [name]
    return sorted(groups.values(), key=lambda group: -len(group[1]))
