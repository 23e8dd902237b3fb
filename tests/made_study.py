"""Tables of a study that nobody ran: arms whose chance to get a prompt right is known."""

import csv
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from lightning_compose.evaluation.prompts import COMPOSITIONAL, MULTIGEN, SPLITS
from lightning_compose.seeding import generator
from lightning_compose.study.tables import BASE, RUNS, SCORES, STUDY, TERMS, Evaluated, Outcome, Tables, Term

STEPS = (50, 100)
FLOPS_A_STEP = 2e9
LIFE = {
    "began": "2026-01-01T00:00:00+00:00",
    "machine": "a machine",
    "versions": {"torch": "2.9.0"},
    "threads": 1,
    "jobs": 2,
}


def made_study(
    chances: Mapping[str, float],
    seeds: int = 3,
    prompts: int = 12,
    costs: Mapping[str, float] | None = None,
    world: int = 0,
    seed_spread: float = 0.0,
    losses: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Tables:
    """Make a study up.

    Args:
        chances: Of each arm to get a prompt right, in [0, 1]: a prompt of middle difficulty after the last step.
        seeds: Trainings an arm; the base has one.
        prompts: Of each category and split.
        costs: FLOPs of a step relative to others'; 1 where an arm is not in it.
        world: Another one, other prompts and images.
        seed_spread: Standard deviation of a training's chance.
        losses: By arm, the names of what its losses log.
    """
    runs, scores, terms = [], [], []
    hardness = generator(world, "hardness").uniform(-0.2, 0.2, size=len(questions(prompts)))
    for arm, chance in chances.items():
        for seed in range(1 if arm == BASE else seeds):
            rng = generator(world, f"made/{arm}", seed)
            luck = rng.normal(0, seed_spread) if seed_spread else 0.0
            for step in (0,) if arm == BASE else STEPS:
                runs.append(_run(arm, seed, step, (costs or {}).get(arm, 1.0)))
                terms += [Term(arm, seed, step, name, 1 - 0.001 * step + 0.1 * seed) for name in losses.get(arm, ())]
                right = rng.random(hardness.size) < (chance + luck) * (1 if step == STEPS[-1] else 0.8) + hardness
                scores += _scores(arm, seed, step, prompts, right)
    return Tables(tuple(runs), tuple(scores), tuple(terms), _study(chances, seeds))


def questions(prompts: int) -> list[tuple[str, str]]:
    return [(category, split) for category in (*COMPOSITIONAL, MULTIGEN) for split in SPLITS for _ in range(prompts)]


def write_tables(tables: Tables, folder: Path) -> Path:
    """Write the tables as the study's engine does."""
    folder.mkdir(parents=True)
    kinds = {RUNS: (Evaluated, tables.runs), SCORES: (Outcome, tables.scores), TERMS: (Term, tables.terms)}
    for name, (kind, rows) in kinds.items():
        with (folder / name).open("w", newline="") as opened:
            writer = csv.writer(opened)
            writer.writerow(field.name for field in dataclasses.fields(kind))
            writer.writerows(map(_cells, rows))
    (folder / STUDY).write_text(json.dumps(tables.study))
    return folder


def _run(arm: str, seed: int, step: int, cost: float) -> Evaluated:
    last = 0 if arm == BASE else STEPS[-1]
    return Evaluated(arm, seed, step, last, FLOPS_A_STEP * step * cost, 0.5 * step, 0.05, 70.0, 0.1)


def _scores(arm: str, seed: int, step: int, prompts: int, right: np.ndarray) -> list[Outcome]:
    asked = enumerate(zip(questions(prompts), right, strict=True))
    return [
        Outcome(
            arm, seed, step, index, category, split, "single", bool(ok), *_objects(category, bool(ok)), index, "a ring"
        )
        for index, ((category, split), ok) in asked
    ]


def _objects(category: str, right: bool) -> tuple[int, int]:
    objects = 5 if category == MULTIGEN else 2
    return (objects if right else 1), objects


def _cells(row: Evaluated | Outcome | Term) -> Sequence[object]:
    values = dataclasses.asdict(row).values()
    return ["" if each is None else int(each) if isinstance(each, bool) else each for each in values]


def _study(arms: Mapping[str, float], seeds: int) -> dict[str, object]:
    trained = [arm for arm in arms if arm != BASE]
    planned = {arm: {"title": f"Title of {arm}", "note": "", "config": {}, "tune": None} for arm in trained}
    return {
        "study": {
            "seeds": list(range(seeds)),
            "reference": "plain",
            "compare": [],
            "arms": planned,
            "settings": {},
            "tuning": None,
        },
        "tuned": {},
        "lives": {f"{arm}:{seed}": [LIFE] for arm in trained for seed in range(seeds)},
        "lives_of_tries": {},
        "ended": {f"{arm}:{seed}": f"2026-01-01T0{seed + 1}:00:00+00:00" for arm in trained for seed in range(seeds)},
        "content": {},
        "evidence": [],
        "commands": ["python -m lightning_compose study --config configs/study/small.yaml --out runs/study"],
    }
