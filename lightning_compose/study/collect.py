"""All that a study has come to so far, as tables."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from lightning_compose.data.durable import replaced
from lightning_compose.evaluation.results import FOLDER
from lightning_compose.evaluation.scores import SCORES, Score, read_scores
from lightning_compose.study.content import content_of
from lightning_compose.study.logged import evaluated_steps, evaluations, terms
from lightning_compose.study.provenance import read_lives
from lightning_compose.study.runs import DONE, Run, portable, write_json
from lightning_compose.study.settings import TABLES_FOLDER, Evidence, Study
from lightning_compose.study.tables import RUNS, STUDY, TERMS, Evaluated, Outcome, Term
from lightning_compose.study.tables import SCORES as ALL_SCORES
from lightning_compose.study.tuning import TUNED, all_tries


def collect(study: Study, runs: Sequence[Run], out: Path, commands: Sequence[str]) -> Path:
    """Write the tables of the runs that are done, and return their folder.

    Args:
        study: What is run.
        runs: As planned; those that are not done are left out.
        out: The study's folder.
        commands: That repeat it.
    """
    folder = out / TABLES_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    done = [run for run in runs if run.is_done]
    _write_table(folder / RUNS, Evaluated, (each for run in done for each in evaluations(run)))
    _write_table(folder / ALL_SCORES, Outcome, (each for run in done for each in _outcomes(run)))
    _write_table(folder / TERMS, Term, (each for run in done for each in terms(run)))
    write_json(folder / STUDY, _describe(study, done, out, commands))
    return folder


def _outcomes(run: Run) -> Iterable[Outcome]:
    for step in evaluated_steps(run):
        for score in read_scores(run.folder / FOLDER / f"{step:06d}" / SCORES):
            yield _outcome(run, step, score)


def _outcome(run: Run, step: int, score: Score) -> Outcome:
    own = ("arm", "seed", "step", "image_seed")
    names = [field.name for field in dataclasses.fields(Outcome) if field.name not in own]
    scored = {name: getattr(score, name) for name in names}
    return Outcome(arm=run.arm, seed=run.seed, step=step, image_seed=score.seed, **scored)


def _describe(study: Study, done: Sequence[Run], out: Path, commands: Sequence[str]) -> dict[str, Any]:
    tuned = out / TUNED
    return {
        "study": portable(_told(study), study.home),
        "tuned": json.loads(tuned.read_text()) if tuned.is_file() else {},
        # A study may move from a machine to another between its slices, or be updated.
        "lives": {run.name: read_lives(run.folder) for run in done},
        "lives_of_tries": {run.name: read_lives(run.folder) for run in all_tries(study, out) if run.is_done},
        "ended": {run.name: json.loads((run.folder / DONE).read_text())["ended"] for run in done},
        "content": content_of(study.common),
        "evidence": [_shown(each) for each in study.evidence],
        "commands": list(commands),
    }


def _told(study: Study) -> dict[str, Any]:
    told = dataclasses.asdict(study)
    arms = {arm.pop("name"): arm for arm in told.pop("arms")}
    del told["home"], told["evidence"]
    return {"settings": told.pop("common"), "steps": study.steps, **told, "arms": arms}


def _shown(evidence: Evidence) -> dict[str, Any]:
    rows: list[list[str]] = []
    if evidence.table.is_file():
        with evidence.table.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.reader(lines))
    return {"title": evidence.title, "command": evidence.command, "note": evidence.note, "rows": rows}


def _write_table(file: Path, kind: type, rows: Iterable[Any]) -> None:
    names = [field.name for field in dataclasses.fields(kind)]
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(getattr(row, name)) for name in names] for row in rows)
    with replaced(file) as opened:
        opened.write(text.getvalue().encode())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)
