"""All that a study's page tells, found in its tables."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from lightning_compose.evaluation.comparison import MEAN
from lightning_compose.study.outcomes import gather
from lightning_compose.study.readings import Reading, at_equal_cost, at_equal_steps
from lightning_compose.study.statistics import Estimate, estimate
from lightning_compose.study.tables import BASE, BASE_SEED, Evaluated, Tables


@dataclass(frozen=True, slots=True)
class Reached:
    """What the arms achieve where their runs are read.

    Args:
        reading: Which row of each run.
        estimates: Of all measures.
    """

    reading: Reading
    estimates: tuple[Estimate, ...]

    @property
    def arms(self) -> list[str]:
        """Those that something is told of, in order."""
        return list(dict.fromkeys(each.arm for each in self.estimates))

    def of(self, arm: str, name: str, split: str) -> Estimate | None:
        """Return a measure of an arm, if there is any."""
        wanted = (arm, name, split)
        return next((each for each in self.estimates if (each.arm, each.name, each.split) == wanted), None)

    def measure(self, name: str, split: str) -> list[Estimate]:
        """Return a measure of all arms."""
        return [each for each in self.estimates if (each.name, each.split) == (name, split)]

    def rows(self, arm: str) -> list[Evaluated]:
        """Return where the runs of an arm are read."""
        return [each for (name, _), each in sorted(self.reading.items()) if name == arm]


@dataclass(frozen=True, slots=True)
class Findings:
    """What the page tells.

    Args:
        tables: From which all of it comes.
        reference: The arm that the others are compared with.
        planned: Every run, by arm and seed, the base first.
        equal_steps: The arms after the same number of optimizer steps.
        equal_cost: The arms after the same number of FLOPs.
        against_base: The arms after the same number of optimizer steps, compared with the base: their means alone.
        pairs: Of each two arms that are compared with each other, the mean on held-out compositions after equal steps:
            the first, with its difference from the second, and the second.
    """

    tables: Tables
    reference: str
    planned: tuple[tuple[str, int], ...]
    equal_steps: Reached
    equal_cost: Reached
    against_base: Reached
    pairs: tuple[tuple[Estimate, Estimate], ...] = ()

    @property
    def missing(self) -> list[tuple[str, int]]:
        """Planned runs that are not done."""
        done = {(each.arm, each.seed) for each in self.tables.runs}
        return [run for run in self.planned if run not in done]

    @property
    def main(self) -> list[Estimate]:
        """The comparisons that the study is made for: held-out compositions after equal steps, base left out."""
        means = self.equal_steps.measure(MEAN, "held_out")
        return [each for each in means if each.difference is not None and each.arm != BASE]


def find(tables: Tables) -> Findings:
    """Find all that the page tells.

    Raises:
        ValueError: When the runs were not asked the same prompts.
    """
    study = tables.study["study"]
    arms, reference = [BASE, *study["arms"]], study["reference"]
    planned = [(BASE, BASE_SEED), *((arm, seed) for arm in study["arms"] for seed in study["seeds"])]
    readings = at_equal_steps(tables.runs, reference), at_equal_cost(tables.runs, reference)
    steps, cost = (_reached(tables, reading, arms, reference) for reading in readings)
    base = _reached(tables, readings[0], arms, BASE, names=(MEAN,))
    pairs = (_pair(tables, readings[0], *each) for each in study["compare"])
    return Findings(tables, reference, tuple(planned), steps, cost, base, tuple(each for each in pairs if each))


def _pair(tables: Tables, reading: Reading, arm: str, against: str) -> tuple[Estimate, Estimate] | None:
    of_both = {key: each for key, each in reading.items() if key[0] in (arm, against)}
    two = _reached(tables, of_both, [against, arm], against, names=(MEAN,))
    first, second = (two.of(each, MEAN, "held_out") for each in (arm, against))
    return (first, second) if first and second else None


def _reached(
    tables: Tables, reading: Reading, arms: Sequence[str], reference: str, names: Container[str] | None = None
) -> Reached:
    prompts, outcomes = gather(tables.scores, reading, arms)
    return Reached(reading, tuple(estimate(prompts, outcomes, reference, names)))
