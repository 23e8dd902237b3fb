"""The tables of a study's page, as rows of cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean

from lightning_compose.evaluation.comparison import BOTH, MEAN
from lightning_compose.evaluation.prompts import COMPOSITIONAL, SPLITS
from lightning_compose.evaluation.table import percent
from lightning_compose.study.conclusions import points, sign_of, span, told_split
from lightning_compose.study.findings import Findings, Reached
from lightning_compose.study.readings import flops_budget
from lightning_compose.study.statistics import MULTIGEN_NAMES, OBJECT_ACCURACY, Estimate
from lightning_compose.study.tables import BASE_SEED, Evaluated

Rows = list[tuple[str, ...]]
PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"))


def means(reached: Reached, reference: str) -> Rows:
    """Tell the mean accuracy of each arm and its difference from the reference, with intervals."""
    splits = (*SPLITS, BOTH)
    header = ("", "seeds", *map(told_split, splits), *(f"{told_split(split)}: against {reference}" for split in splits))
    return [header, *(_mean_row(reached, arm, splits) for arm in reached.arms)]


def by_category(reached: Reached, split: str) -> Rows:
    """Tell the accuracy of each arm in each category, and by how much it is above the reference."""
    return _by_arm(reached, [(name, name) for name in (*COMPOSITIONAL, MEAN)], split)


def several_objects(reached: Reached, split: str) -> Rows:
    """Tell how often an arm shows so many objects, or all that a prompt names."""
    names = [*((name, name.upper()) for name in MULTIGEN_NAMES), (OBJECT_ACCURACY, OBJECT_ACCURACY)]
    return _by_arm(reached, names, split)


def reached_at_equal_cost(findings: Findings) -> Rows:
    """Tell at which step each arm is read, and how much of the reference's FLOPs it has spent by then."""
    budget = flops_budget(findings.tables.runs, findings.reference) or 0.0
    reached = findings.equal_cost
    rows = [(arm, _of(reached.rows(arm), _step), _share(reached.rows(arm), budget)) for arm in reached.arms]
    return [("", "read at step", "FLOPs spent"), *rows]


def terms(findings: Findings) -> Rows:
    """Tell what the losses of each arm came to on the validation samples, and what they are before any training.

    Of the base's seed alone: validation draws its noise from the seed of the training, and that of others is another.
    """
    ends = {(arm, seed, each.step) for (arm, seed), each in findings.equal_steps.reading.items() if seed == BASE_SEED}
    values = {
        (each.name, each.arm): f"{each.value:.4f}"
        for each in findings.tables.terms
        if (each.arm, each.seed, each.step) in ends
    }
    names = sorted({name for name, _ in values})
    arms = [arm for arm in findings.equal_steps.arms if any((name, arm) in values for name in names)]
    return [("", *arms), *((name, *(values.get((name, arm), "") for arm in arms)) for name in names)]


def costs(findings: Findings) -> Rows:
    """Tell what a training of each arm costs, and how far its images are from real ones."""
    reached, reference = findings.equal_steps, findings.equal_steps.rows(findings.reference)
    unit, prefix = _unit([each.flops for each in reached.reading.values()])
    against = f"against {findings.reference}"
    header = (
        "", "steps", f"{prefix}FLOP", against, "seconds", against, "KID", "CLIPScore",
    )  # fmt: skip
    return [header, *((arm, *_cost_cells(reached.rows(arm), reference, unit)) for arm in reached.arms)]


def estimates(findings: Findings) -> Rows:
    """Tell all that is estimated, shares in [0, 1], for a CSV file."""
    header = (
        "read_at", "arm", "name", "split", "prompts", "seeds", "mean", "low", "high",
        "difference", "difference_low", "difference_high", "family_low", "family_high",
    )  # fmt: skip
    both = (("equal_steps", findings.equal_steps), ("equal_cost", findings.equal_cost))
    return [header, *((where, *_exact(each)) for where, reached in both for each in reached.estimates)]


def _mean_row(reached: Reached, arm: str, splits: Sequence[str]) -> tuple[str, ...]:
    found = [reached.of(arm, MEAN, split) for split in splits]
    seeds = max((len(each.by_seed) for each in found if each), default=0)
    return arm, str(seeds), *map(_mean_cell, found), *map(_difference_cell, found)


def _by_arm(reached: Reached, names: Iterable[tuple[str, str]], split: str) -> Rows:
    rows = [(shown, *(_short_cell(reached.of(arm, name, split)) for arm in reached.arms)) for name, shown in names]
    return [("", *reached.arms), *(row for row in rows if any(row[1:]))]


def _mean_cell(each: Estimate | None) -> str:
    return "" if each is None else f"{percent(each.mean)} ({percent(each.interval[0])} to {percent(each.interval[1])})"


def _difference_cell(each: Estimate | None) -> str:
    if each is None or each.difference is None:
        return ""
    interval = each.difference.interval
    return _emphasized(f"{points(each.difference.value)} ({span(interval)})", bool(sign_of(interval)))


def _short_cell(each: Estimate | None) -> str:
    if each is None:
        return ""
    if each.difference is None:
        return percent(each.mean)
    text = f"{percent(each.mean)} ({points(each.difference.value)})"
    return _emphasized(text, bool(sign_of(each.difference.interval)))


def _cost_cells(rows: Sequence[Evaluated], reference: Sequence[Evaluated], unit: float) -> tuple[str, ...]:
    return (
        _of(rows, _step),
        f"{fmean(each.flops for each in rows) / unit:.2f}",
        _relative(rows, reference, lambda each: each.flops),
        f"{fmean(each.seconds for each in rows):.0f}",
        _relative(rows, reference, lambda each: each.seconds),
        _with_range(rows, lambda each: each.kid, 4),
        _with_range(rows, lambda each: each.clip_score, 1),
    )


def _relative(rows: Sequence[Evaluated], reference: Sequence[Evaluated], value: Callable[[Evaluated], float]) -> str:
    of_reference = fmean(map(value, reference)) if reference else 0.0
    return f"{fmean(map(value, rows)) / of_reference:.2f}" if of_reference else ""


def _with_range(rows: Sequence[Evaluated], value: Callable[[Evaluated], float | None], digits: int) -> str:
    values = [each for each in map(value, rows) if each is not None]
    if not values:
        return ""
    mean = f"{fmean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def _of(rows: Sequence[Evaluated], value: Callable[[Evaluated], int]) -> str:
    return ", ".join(map(str, sorted(set(map(value, rows)))))


def _share(rows: Sequence[Evaluated], budget: float) -> str:
    return f"{percent(fmean(each.flops for each in rows) / budget)} %" if budget else ""


def _step(each: Evaluated) -> int:
    return each.step


def _unit(flops: Sequence[float]) -> tuple[float, str]:
    return next((each for each in PREFIXES if max(flops, default=0.0) >= each[0]), (1.0, ""))


def _emphasized(text: str, important: bool) -> str:
    return f"**{text}**" if important else text


def _exact(each: Estimate) -> tuple[str, ...]:
    difference = each.difference
    compared = (difference.value, *difference.interval, *difference.family_interval) if difference else ()
    numbers = [f"{share:.6f}" for share in (each.mean, *each.interval, *compared)]
    return (
        each.arm,
        each.name,
        each.split,
        str(each.prompts),
        str(len(each.by_seed)),
        *numbers,
        *[""] * (8 - len(numbers)),
    )
