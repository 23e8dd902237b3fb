"""At which step each run of a study is read, so that the arms can be compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lightning_compose.study.tables import Evaluated

Reading = dict[tuple[str, int], Evaluated]
"""By arm and seed; a run that has nothing to read is not in it."""


def at_equal_steps(runs: Sequence[Evaluated], reference: str) -> Reading:
    """Read each run at its last evaluated step that is not beyond the reference's last.

    Args:
        runs: All rows.
        reference: The arm that the others are compared with; without a run of it each run is read at its end.
    """
    limit = min((each.step for each in _ends(runs, reference)), default=None)
    return _last(runs, lambda each: limit is None or each.step <= limit)


def at_equal_cost(runs: Sequence[Evaluated], reference: str) -> Reading:
    """Read each run at its last evaluated step whose FLOPs are not beyond the reference's at its end.

    Args:
        runs: All rows.
        reference: Without a run of it nothing is read.
    """
    budget = flops_budget(runs, reference)
    return {} if budget is None else _last(runs, lambda each: each.flops <= budget)


def flops_budget(runs: Sequence[Evaluated], reference: str) -> float | None:
    """Return the FLOPs of the reference's training, of the seed that took most; None without a run of it."""
    return max((each.flops for each in _ends(runs, reference)), default=None)


def _ends(runs: Sequence[Evaluated], arm: str) -> list[Evaluated]:
    return [each for (name, _), each in _last(runs, lambda each: True).items() if name == arm]


def _last(runs: Sequence[Evaluated], counts: Callable[[Evaluated], bool]) -> Reading:
    return {(each.arm, each.seed): each for each in sorted(runs, key=lambda each: each.step) if counts(each)}
