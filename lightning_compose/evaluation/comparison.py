"""How much better one evaluation is than another of the same prompts and seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from lightning_compose.evaluation.prompts import COMPOSITIONAL, MULTIGEN, SPLITS
from lightning_compose.evaluation.scores import Score
from lightning_compose.evaluation.table import percent
from lightning_compose.metrics.bootstrap import difference_interval

MEAN = "mean of the categories"
BOTH = "both"
Twice = tuple[Score, Score]
"""Of one prompt and seed, before and after."""
Value = Callable[[Score], float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A measure before and after.

    Args:
        name: A category, or another measure.
        split: ``"seen"``, ``"held_out"`` or ``"both"``.
        before: Share in [0, 1].
        after: Likewise.
        low: Lower end of the 95 % interval of after - before, over prompts.
        high: Upper end.
        prompts: How many there are.
    """

    name: str
    split: str
    before: float
    after: float
    low: float
    high: float
    prompts: int

    @property
    def difference(self) -> float:
        """Of the shares: after - before."""
        return self.after - self.before


def compare(before: Sequence[Score], after: Sequence[Score]) -> list[Comparison]:
    """Compare two evaluations, prompt by prompt.

    Args:
        before: Of any order.
        after: Of the same prompts and seeds.

    Returns:
        Accuracy by category and their mean, MG2 to MG5 and object accuracy, where there are prompts of them.

    Raises:
        ValueError: When prompts or seeds differ.
    """
    pairs = _paired(before, after)
    compared: list[Comparison] = []
    for split in (*SPLITS, BOTH):
        chosen = [pair for pair in pairs if split in (pair[0].split, BOTH)]
        compared += _of_split(split, chosen)
    return compared


def table(compared: Sequence[Comparison]) -> list[tuple[str, ...]]:
    """Lay out all but what holds for both splits together, which `rows` has."""
    header = ("", "", "before", "after", "difference", "95 % interval")
    return [header, *(_cells(each) for each in compared if each.split != BOTH or each.name == MEAN)]


def rows(compared: Sequence[Comparison]) -> list[tuple[str, ...]]:
    """Return a header and a row each, shares in [0, 1], for a CSV file."""
    header = ("name", "split", "prompts", "before", "after", "difference", "low", "high")
    return [header, *map(_exact, compared)]


def conclusion(compared: Sequence[Comparison]) -> str:
    """Say in a sentence what became of the mean accuracy over the categories."""
    means = [each for each in compared if (each.name, each.split) == (MEAN, BOTH)]
    if not means:
        return "No prompts of the categories: their mean accuracy is not compared."
    (mean,) = means
    verdict = "rises" if mean.low > 0 else "falls" if mean.high < 0 else "changes by no more than chance:"
    return (
        f"Mean accuracy over the categories {verdict} from {percent(mean.before)} % to {percent(mean.after)} %, "
        f"by {_signed(mean.difference)} points (95 % interval {_interval(mean)}, {mean.prompts} prompts)."
    )


def _paired(before: Sequence[Score], after: Sequence[Score]) -> list[Twice]:
    firsts, seconds = ({(each.category, each.prompt, each.seed): each for each in scores} for scores in (before, after))
    different = set(firsts) ^ set(seconds)
    if different:
        raise ValueError(
            f"Expected the same prompts and seeds before and after, got {len(different)} in one of them only, such as "
            f"{sorted(different)[0]}. Evaluate both with the same file of prompts."
        )
    return [(firsts[key], seconds[key]) for key in firsts]


def _of_split(split: str, pairs: Sequence[Twice]) -> Iterable[Comparison]:
    by_category = {name: [pair for pair in pairs if pair[0].category == name] for name in (*COMPOSITIONAL, MULTIGEN)}
    multigen = by_category.pop(MULTIGEN)
    groups = {name: each for name, each in by_category.items() if each}
    several = [pair for each in groups.values() for pair in each if pair[0].objects > 1]
    for name, each in groups.items():
        yield _comparison(name, split, [each], _correct)
    if groups:
        yield _comparison(MEAN, split, list(groups.values()), _correct)
    for least in range(2, 6) if multigen else ():
        yield _comparison(f"mg{least}", split, [multigen], _at_least(least))
    if several:
        yield _comparison("object accuracy", split, [several], _complete)


def _comparison(name: str, split: str, groups: Sequence[Sequence[Twice]], value: Value) -> Comparison:
    before, after = (fmean(fmean(value(pair[side]) for pair in group) for group in groups) for side in (0, 1))
    differences = [_by_prompt(group, value) for group in groups]
    low, high = difference_interval(differences)
    return Comparison(name, split, before, after, low, high, sum(map(len, differences)))


def _by_prompt(group: Sequence[Twice], value: Value) -> list[float]:
    """Return the mean difference of each prompt's images: the images of one prompt tell less than as many prompts."""
    by_prompt: dict[str, list[float]] = {}
    for before, after in group:
        by_prompt.setdefault(before.prompt, []).append(value(after) - value(before))
    return [fmean(each) for each in by_prompt.values()]


def _correct(score: Score) -> float:
    return float(score.correct)


def _complete(score: Score) -> float:
    return float(score.found >= score.objects)


def _at_least(least: int) -> Value:
    return lambda score: float(score.found >= least)


def _exact(each: Comparison) -> tuple[str, ...]:
    shares = (each.before, each.after, each.difference, each.low, each.high)
    return each.name, each.split, str(each.prompts), *(f"{share:.6f}" for share in shares)


def _cells(each: Comparison) -> tuple[str, ...]:
    split = each.split.replace("_", " ")
    return each.name, split, percent(each.before), percent(each.after), _signed(each.difference), _interval(each)


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}"


def _interval(each: Comparison) -> str:
    return f"{_signed(each.low)} to {_signed(each.high)}"
