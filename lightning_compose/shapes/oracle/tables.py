"""The outcome of trials as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lightning_compose.shapes.oracle.trials import NOTHING, Trial
from lightning_compose.shapes.palette import COLORS, SHAPES, TEXTURES
from lightning_compose.shapes.questions import KINDS

Row = dict[str, str | int]
VALUES: dict[str, tuple[str, ...]] = {"shape": SHAPES, "color": tuple(COLORS), "texture": TEXTURES}


def trial_rows(trials: Mapping[str, Trial]) -> list[Row]:
    """Return a row for each kind of images: what share of the questions was answered rightly, in percent."""
    return [_trial_row(name, trial) for name, trial in trials.items()]


def smear_rows(smears: Mapping[str, tuple[int, int]], prompts: int, objects: int) -> list[Row]:
    """Return a row for each kind of smear: prompts counted as correct, and objects seen for 100 that were smeared."""
    return [
        {
            "smears": name,
            "prompts": prompts,
            "counted as correct": correct,
            "objects seen, % of those smeared": _percent(seen / objects),
        }
        for name, (correct, seen) in smears.items()
    ]


def markdown(rows: Sequence[Row]) -> str:
    """Return rows that have the same columns as a table."""
    rules = ["---", *("---:" for _ in list(rows[0])[1:])]
    return "\n".join(map(_line, [list(rows[0]), rules, *(row.values() for row in rows)]))


def confusion_tables(trial: Trial) -> str:
    """Return a table for shapes, colours and textures each: a row for what is there, a column for what was read."""
    return "\n\n".join(markdown(_confusion_rows(name, trial)) for name in VALUES)


def _trial_row(name: str, trial: Trial) -> Row:
    kinds = {kind: _percent(trial.share_right(kind)) for kind in KINDS}
    return {
        "images": name,
        "questions": sum(trial.asked.values()),
        "right, %": _percent(trial.share_right()),
        **kinds,
        "images without error, %": _percent(trial.faultless / trial.images),
        "images/s of a core": f"{trial.images / trial.seconds:.0f}",
    }


def _confusion_rows(name: str, trial: Trial) -> list[Row]:
    values = (*VALUES[name], NOTHING)
    return [{name: true, **{read: trial.confused[name, true, read] for read in values}} for true in values]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _line(cells: Iterable[str | int]) -> str:
    return f"| {' | '.join(map(str, cells))} |"
