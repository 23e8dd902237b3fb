"""What a study's numbers say, in sentences that are made from them."""

from __future__ import annotations

from statistics import fmean, median, stdev

from lightning_compose.evaluation.comparison import BOTH, MEAN
from lightning_compose.evaluation.prompts import SPLITS
from lightning_compose.evaluation.table import percent
from lightning_compose.study.findings import Findings, Reached
from lightning_compose.study.statistics import LEVEL, Difference, Estimate, Interval, compared
from lightning_compose.study.tables import BASE

TITLES = {"mg3": "MG3", "mg4": "MG4"}
"""Those that TokenCompose tells of."""


def conclusions(findings: Findings) -> list[str]:
    """Return the sentences, those on the main question first."""
    if not findings.main:
        return [f"Nothing is compared yet: no run of `{findings.reference}` and of another arm is done."]
    return [
        *(main_sentence(each, findings) for each in findings.main),
        *(pair_sentence(*each) for each in findings.pairs),
        *_of_base(findings),
        *(summary(findings.against_base, MEAN, split, "at equal steps", BASE) for split in SPLITS),
        *(summary(findings.equal_steps, MEAN, split, "at equal steps", findings.reference) for split in SPLITS),
        *(summary(findings.equal_cost, MEAN, split, "at equal cost", findings.reference) for split in SPLITS),
        *(
            summary(findings.equal_steps, name, split, "at equal steps", findings.reference)
            for name in TITLES
            for split in SPLITS
        ),
        *_of_quality(findings),
    ]


def main_sentence(each: Estimate, findings: Findings) -> str:
    """Say how an arm compares with the reference on held-out compositions after equal steps."""
    difference = each.difference
    reference = findings.equal_steps.of(findings.reference, each.name, each.split)
    if difference is None or reference is None:
        raise ValueError(f"Expected an arm that is compared with the reference, got '{each.arm}' alone.")
    comparisons = compared(findings.equal_steps.measure(each.name, each.split))
    return f"{pair_sentence(each, reference)} {_in_family(difference, comparisons)}".rstrip()


def pair_sentence(each: Estimate, other: Estimate) -> str:
    """Say how an arm compares with another on held-out compositions after equal steps."""
    difference = each.difference
    if difference is None:
        raise ValueError(f"Expected an arm that is compared with '{other.arm}', got '{each.arm}' alone.")
    return (
        f"`{each.arm}` {_verdict(difference)} `{other.arm}` on held-out compositions at equal steps: "
        f"{percent(each.mean)} % against {percent(other.mean)} %, {points(difference.value)} points "
        f"({_level(LEVEL)} interval {span(difference.interval)}; {_seeds(each)} against {_seeds(other)}, "
        f"{each.prompts} prompts)."
    )


def summary(reached: Reached, name: str, split: str, where: str, reference: str) -> str:
    """Say which arms are above the reference in a measure, which below, and which cannot be told apart."""
    differences = {
        each.arm: each.difference for each in reached.measure(name, split) if each.difference and each.arm != BASE
    }
    by_sign = {
        sign: [f"`{arm}` ({points(each.value)})" for arm, each in differences.items() if sign_of(each.interval) == sign]
        for sign in (1, -1, 0)
    }
    what = f"{TITLES.get(name, 'accuracy')} on {told_split(split)} compositions"
    told = [f"{word} {', '.join(by_sign[sign])}" for sign, word in _WORDS.items() if by_sign[sign]]
    return f"{where.capitalize()}, {what}, against `{reference}`: {'; '.join(told) or 'nothing to compare'}."


def caution(findings: Findings) -> str:
    """Say how many differences the page shows, and how small a one it could have seen."""
    shown = compared(_distinct(findings))
    by_chance = round((1 - LEVEL) * shown)
    text = (
        f"The page and its tables tell {shown} differences from `{findings.reference}`, each with a {_level(LEVEL)} "
        "interval; those without width, and those at equal cost that repeat equal steps, are not counted. Were no arm "
        f"different from `{findings.reference}`, about {by_chance} of these intervals would leave out 0 by chance."
    )
    widths = [(high - low) / 2 for low, high in (each.difference.interval for each in findings.main if each.difference)]
    if not widths:
        return text
    arms = f"{len(widths)} arm{'s' if len(widths) > 1 else ''}"
    return (
        f"{text} The main question, held-out compositions at equal steps, is asked of {arms}. "
        f"Half of its intervals reach {100 * median(widths):.1f} points or more to each side: with these seeds and "
        "prompts, smaller differences cannot be told from none."
    )


def spread(findings: Findings) -> str:
    """Say how far apart the seeds of an arm are."""
    spreads = {
        each.arm: stdev(each.by_seed) for each in findings.equal_steps.measure(MEAN, BOTH) if len(each.by_seed) > 1
    }
    if not spreads:
        return "No arm has two seeds yet."
    widest = max(spreads, key=lambda arm: spreads[arm])
    return (
        "Over all compositions, the accuracies of an arm's seeds have a standard deviation of "
        f"{100 * median(spreads.values()):.1f} points in the median arm and of "
        f"{100 * spreads[widest]:.1f} at most, in `{widest}`."
    )


def told_split(split: str) -> str:
    """Write a split as text has it.

    >>> told_split("held_out")
    'held-out'
    """
    return split.replace("_", "-")


def points(share: float) -> str:
    """Write a difference of shares in points, with its sign.

    >>> points(0.125), points(-0.0001)
    ('+12.5', '+0.0')
    """
    # Adding 0 takes the sign from -0.0.
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def span(interval: Interval) -> str:
    """Write an interval of differences.

    >>> span((-0.01, 0.125))
    '-1.0 to +12.5'
    """
    return f"{points(interval[0])} to {points(interval[1])}"


def sign_of(interval: Interval) -> int:
    """Return 1 for an interval above 0, -1 for one below, and 0 for one that holds it.

    >>> [sign_of(each) for each in ((0.1, 0.2), (-0.2, -0.1), (0.0, 0.1))]
    [1, -1, 0]
    """
    # A billionth: what rounding leaves of a difference of 0.
    return (interval[0] > 1e-9) - (interval[1] < -1e-9)


_WORDS = {1: "above are", -1: "below are", 0: "not told apart are"}


def _of_base(findings: Findings) -> list[str]:
    base = findings.equal_steps.of(BASE, MEAN, "held_out")
    if base is None or base.difference is None:
        return []
    sign = sign_of(base.difference.interval)
    verdict = {1: "is above", -1: "is below", 0: "cannot be told apart from"}[sign]
    return [
        f"`{BASE}`, the model before fine-tuning, {verdict} `{findings.reference}` on held-out compositions: "
        f"{percent(base.mean)} %, {points(base.difference.value)} points ({_level(LEVEL)} interval "
        f"{span(base.difference.interval)})."
    ]


def _of_quality(findings: Findings) -> list[str]:
    reached = findings.equal_steps
    found = {arm: [each.kid for each in reached.rows(arm) if each.kid is not None] for arm in reached.arms}
    means = {arm: fmean(values) for arm, values in found.items() if values}
    base = means.pop(BASE, None)
    if base is None or not means:
        return []
    best, worst = min(means, key=lambda arm: means[arm]), max(means, key=lambda arm: means[arm])
    return [
        f"Image quality: KID (lower is better) is {base:.4f} of `{BASE}`, and of the trained arms from "
        f"{means[best]:.4f} (`{best}`) to {means[worst]:.4f} (`{worst}`)."
    ]


def _distinct(findings: Findings) -> list[Estimate]:
    # Read at the same step, an arm is told nothing new of at equal cost; without width, 0 is never left out by chance.
    steps, cost = findings.equal_steps, findings.equal_cost
    again = [each for each in cost.estimates if cost.rows(each.arm) != steps.rows(each.arm)]
    return [each for each in (*steps.estimates, *again) if each.difference and len(set(each.difference.interval)) > 1]


def _verdict(difference: Difference) -> str:
    return {1: "is better than", -1: "is worse than", 0: "is not told apart from"}[sign_of(difference.interval)]


def _in_family(difference: Difference, comparisons: int) -> str:
    if comparisons == 1 or not sign_of(difference.interval):
        return ""
    holds = "and still leaves out 0" if sign_of(difference.family_interval) else "and holds 0"
    return f"Corrected for {comparisons} comparisons (Bonferroni) it is {span(difference.family_interval)} {holds}."


def _seeds(each: Estimate) -> str:
    return f"{len(each.by_seed)} seed{'s' if len(each.by_seed) > 1 else ''}"


def _level(level: float) -> str:
    return f"{100 * level:.0f} %"
