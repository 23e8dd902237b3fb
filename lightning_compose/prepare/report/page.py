"""The page that shows what became of the prompts."""

from __future__ import annotations

from collections.abc import Sequence

from lightning_compose.evaluation.table import percent
from lightning_compose.prepare.report.account import Account
from lightning_compose.prepare.report.choices import account_rows, agreement, conclusion
from lightning_compose.prepare.report.examples import Examples
from lightning_compose.prepare.report.found import Found
from lightning_compose.prepare.report.funnel import by_cell, funnel, told_reasons
from lightning_compose.prepare.report.histograms import alignments, draw_histograms
from lightning_compose.prepare.report.html import bar_table, drawing, paragraph, section, table
from lightning_compose.prepare.report.work_done import models, work_done

NOTHING_JUDGED = "No candidates are judged yet."


def funnel_section(found: Found) -> str:
    """Tell how many prompts are left after each step, and what is missing."""
    passages = funnel(found)
    most = max(passage.count for passage in passages) or 1
    bars = bar_table(
        ("", "left", "left out on the way"),
        [((each.what, str(each.count), told_reasons(each)), each.count / most) for each in passages],
    )
    cells = [
        (*cell, *map(str, (each.prompts, each.positives, each.corrected, each.negatives, each.packed)))
        for cell, each in by_cell(found).items()
    ]
    header = ("stage", "category", "prompts", "with a positive", "by a correction", "with a negative", "packed")
    missing = [paragraph(sentence, "missing") for sentence in found.missing]
    return section("What is left after each step", *missing, bars, table([header, *cells]))


def work_section(found: Found) -> str:
    """Tell which models made it, and what was computed as far as rows tell."""
    named = [(role, ", ".join(names)) for role, names in models(found).items()]
    counted = [(what, f"{count:,}") for what, count in work_done(found).items()]
    return section(
        "Models and work", table([("role", "model"), *named]), table([("what was made", "how often"), *counted])
    )


def alignment_section(found: Found) -> str:
    """Draw the alignment of candidates by category."""
    values = alignments(found.results)
    drawn = drawing(draw_histograms(values), "histograms of alignment") if values else paragraph(NOTHING_JUDGED)
    told = "The share of a caption's questions that a candidate answers rightly, as the judge sees it; a question "
    told += "below a wrong one counts as wrong."
    return section("Alignment of the candidates", paragraph(told), drawn)


def choice_section(found: Found, account: Account | None, examples: Examples) -> str:
    """Compare the choice by answers and score with the choice by the score alone."""
    compared = agreement(found.verified)
    if not compared.prompts:
        return section("The judge's choice and the score's", paragraph(NOTHING_JUDGED))
    rows = [
        ("prompts with candidates, in their own words", str(compared.prompts)),
        ("with a positive", str(compared.kept)),
        ("whose positive is the score's choice, too", str(compared.same)),
        ("mean alignment of the positives", _share(compared.alignment)),
        ("of the score's choices for the same prompts", _share(compared.alignment_by_score)),
        ("images with the best score that the judge accepts", f"{compared.successes_by_score} of {compared.prompts}"),
    ]
    shown = examples.of_choices(found.verified)
    told = "Where they differ: what is kept, what the score alone would keep, and the judge's answers about the latter."
    return section(
        "The judge's choice and the score's", table([("", ""), *rows]), *_truth(account), paragraph(told), shown
    )


def _truth(account: Account | None) -> Sequence[str]:
    if account is None:
        told = "Nobody knows the truth about these images: whose choice is better shows the eye, or a review."
        return [paragraph(told)]
    header = ("kept", "are what they were kept for")
    return [paragraph(conclusion(account)), bar_table(header, account_rows(account, "judge"))]


def _share(value: float | None) -> str:
    return f"{percent(value)} %" if value is not None else ""
