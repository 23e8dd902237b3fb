"""The page of a study: what was run, what came out, and what can be concluded, all from its tables."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning_compose.evaluation.prompts import COMPOSITIONAL, SPLITS
from lightning_compose.evaluation.table import markdown
from lightning_compose.study import page_tables, protocol
from lightning_compose.study.conclusions import caution, conclusions, spread, told_split
from lightning_compose.study.course import course
from lightning_compose.study.findings import Findings, Reached, find
from lightning_compose.study.statistics import MULTIGEN_NAMES
from lightning_compose.study.tables import BASE_SEED, RUNS, SCORES, STUDY, TERMS, read_tables

ESTIMATES = "estimates.csv"
DIFFERENCES, CATEGORIES, STEPS, FLOPS = "differences.png", "categories.png", "steps.png", "flops.png"
NO_ROWS = 1


def write_page(tables: Path, runs: Path, page: Path) -> None:
    """Write a study's page from what is done so far.

    Beside the page, in a folder of its name, go the tables it is made from, ``estimates.csv`` with every estimate and
    interval, plots, and the images of the first prompt of each category and split as each arm drew them. The same
    tables make the same page.

    Args:
        tables: Folder of ``runs.csv``, ``scores.csv``, ``terms.csv`` and ``study.json``.
        runs: The study's folder, in which the runs' images are; those that are missing are left out.
        page: The Markdown file.

    Raises:
        FileNotFoundError: When a table is missing.
        ValueError: When a table is none, or the runs were not asked the same prompts.
    """
    findings = find(read_tables(tables))
    folder = page.parent / page.stem
    folder.mkdir(parents=True, exist_ok=True)
    _copy_tables(tables, folder)
    with (folder / ESTIMATES).open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened, lineterminator="\n").writerows(page_tables.estimates(findings))
    pictures = _write_plots(findings, folder) + _write_images(findings, runs, folder)
    page.write_text(_text(findings, page.stem, pictures), encoding="utf-8")


def _copy_tables(tables: Path, folder: Path) -> None:
    for name in (RUNS, SCORES, TERMS, STUDY):
        if tables.resolve() != folder.resolve():
            shutil.copyfile(tables / name, folder / name)


def _write_plots(findings: Findings, folder: Path) -> list[str]:
    # The command waits for its runs without matplotlib and torch.
    from lightning_compose.study import plots

    reached, tables = findings.equal_steps, findings.tables
    courses = {split: course(tables.runs, tables.scores, split) for split in SPLITS}
    figures = {CATEGORIES: plots.draw_categories(reached)} if reached.arms else {}
    if findings.main:
        figures[DIFFERENCES] = plots.draw_differences(reached, findings.reference)
    if any(points for arms in courses.values() for points in arms.values()):
        figures |= {STEPS: plots.draw_over_steps(courses), FLOPS: plots.draw_over_flops(courses)}
    for name, figure in figures.items():
        figure.savefig(folder / name, dpi=120)
    return list(figures)


def _write_images(findings: Findings, runs: Path, folder: Path) -> list[str]:
    from lightning_compose.study.image_table import find_drawn, image_table

    reached = findings.equal_steps
    drawn = find_drawn(runs, [reached.rows(arm)[0] for arm in reached.arms])
    if not drawn:
        return []
    for split in SPLITS:
        image_table(drawn, split).save(folder / _image_file(split), optimize=True)
    return [_image_file(split) for split in SPLITS]


def _image_file(split: str) -> str:
    return f"images-{split.replace('_', '-')}.png"


# -- the text --------------------------------------------------------------------------------------------


def _text(findings: Findings, folder: str, pictures: Sequence[str]) -> str:
    def shown(name: str, what: str) -> str:
        return f"![{what}]({folder}/{name})" if name in pictures else ""

    sections = [
        _head(findings),
        _conclusions(findings, shown(DIFFERENCES, "By how much each arm is above the reference")),
        _protocol(findings),
        _equal_steps(findings, shown(CATEGORIES, "Accuracy by category")),
        _equal_cost(findings, shown(FLOPS, "Accuracy against FLOPs")),
        _several_objects(findings),
        _terms(findings),
        *map(_evidence, findings.tables.study["evidence"]),
        _costs(findings),
        _training(shown(STEPS, "Accuracy over the training")),
        _images([shown(_image_file(split), f"Images of {told_split(split)} compositions") for split in SPLITS]),
        _tuning(findings),
        _intervals(findings),
        _again(findings, folder),
    ]
    return "\n\n".join(part for section in sections for part in section if part) + "\n"


Section = list[str]
"""Paragraphs; empty ones are left out."""


def _head(findings: Findings) -> Section:
    planned, missing = len(findings.planned), findings.missing
    status = f"{planned - len(missing)} of {planned} runs are done."
    if missing:
        status += f" Missing: {', '.join(f'`{arm}:{seed}`' for arm, seed in missing)}."
    return [
        "# Results: what each part is worth",
        "Written by `python -m lightning_compose study` from the tables beside it: no result here is typed by hand.",
        status,
    ]


def _conclusions(findings: Findings, picture: str) -> Section:
    bullets = "\n".join(f"- {sentence}" for sentence in conclusions(findings))
    legend = "Mean of the categories at equal steps. Thick: 95 %. Thin: 95 % for all arms together (Bonferroni)."
    return ["## In short", bullets, caution(findings), picture, legend if picture else ""]


def _protocol(findings: Findings) -> Section:
    notes = "\n".join(f"- {note}" for note in protocol.notes(findings))
    return [
        "## What was run",
        "Every arm starts from the same base and trains the same number of optimizer steps; a seed sets the order of "
        "the data and all noise of a training. The number behind a loss is its weight.",
        markdown(protocol.arms(findings)),
        notes,
        *protocol.circumstances(findings),
    ]


def _equal_steps(findings: Findings, picture: str) -> Section:
    reached = findings.equal_steps
    return [
        "## Accuracy at equal steps",
        "Per cent of the images that are right in all that was asked, each category counted alike, with 95 % intervals "
        f"over seeds and prompts; then the points above `{findings.reference}`. Bold: the interval leaves out 0. "
        f"{_counted(reached, COMPOSITIONAL, 'A category')}",
        _table(page_tables.means(reached, findings.reference)),
        *_by_split(reached.arms, {s: page_tables.by_category(reached, s) for s in SPLITS}, findings.reference),
        picture,
    ]


def _counted(reached: Reached, names: Sequence[str], what: str) -> str:
    asked = [each for name in names for split in SPLITS for each in reached.measure(name, split)]
    counts = sorted({each.prompts for each in asked})
    return f"{what} has {' or '.join(map(str, counts))} prompts of each split." if counts else ""


def _equal_cost(findings: Findings, picture: str) -> Section:
    reached = findings.equal_cost
    rows = page_tables.means(reached, findings.reference)
    return [
        "## Accuracy at equal cost",
        f"Each arm at its last evaluated step that took no more FLOPs than `{findings.reference}` at its end: a dearer "
        "one was evaluated at that step on purpose. What an arm has not spent counts against it. The stages of a "
        "curriculum that is read early are cut off there, not scaled.",
        protocol.schedule(findings),
        _table(page_tables.reached_at_equal_cost(findings)),
        _table(rows),
        picture,
    ]


def _several_objects(findings: Findings) -> Section:
    reached = findings.equal_steps
    return [
        "## Several objects at once",
        "MG2 to MG5: per cent of the images of five objects that show at least so many (TokenCompose's MultiGen). "
        "Object accuracy: per cent that show every object, of the prompts with two or more. At equal steps. "
        f"{_counted(reached, (MULTIGEN_NAMES[0],), 'MultiGen')}",
        *_by_split(reached.arms, {s: page_tables.several_objects(reached, s) for s in SPLITS}, findings.reference),
    ]


def _terms(findings: Findings) -> Section:
    rows = page_tables.terms(findings)
    told = (
        "The terms of the loss, unweighted, and what the losses measure beside, on the validation samples at equal "
        f"steps. Of seed {BASE_SEED} alone, whose noise is the same for all; one training each, so small differences "
        "mean nothing. Under `base` what they are before any training, the contrastive ones with a projection that has "
        "not learnt anything."
    )
    return ["## What the losses came to", told, _table(rows)] if len(rows) > NO_ROWS else []


def _evidence(each: Mapping[str, Any]) -> Section:
    table = markdown(each["rows"]) if each["rows"] else "Not measured yet."
    return [f"## {each['title']}", each["note"], f"```text\n{each['command']}\n```", table]


def _by_split(arms: Sequence[str], tables: dict[str, page_tables.Rows], reference: str) -> Section:
    told = [(f"{told_split(split).capitalize()} compositions", rows) for split, rows in tables.items()]
    above = f" (in brackets: points above `{reference}`)" if reference in arms and len(arms) > 1 else ""
    return [part for title, rows in told if len(rows) > NO_ROWS for part in (f"{title}{above}:", markdown(rows))]


def _costs(findings: Findings) -> Section:
    return [
        "## Cost and image quality",
        "Means over seeds, in brackets the lowest and the highest seed. FLOPs, forward and backward, and seconds are "
        "those of the training's steps; evaluations are left out. KID, lower is better, of the categories' held-out "
        "prompts, takes the CLIP of the evaluation's settings: it compares with no published number.",
        _table(page_tables.costs(findings)),
    ]


def _training(picture: str) -> Section:
    told = (
        "Line: mean over seeds. Band: from the lowest seed to the highest. All begin at `base`, the model before "
        "fine-tuning."
    )
    return ["## Over the training", told, picture] if picture else []


def _images(pictures: Sequence[str]) -> Section:
    told = (
        "The first prompt of each category, drawn by the first seed of each arm from the same noise; none is chosen by "
        "its looks. Green: right in all that was asked."
    )
    return ["## The same prompts and seeds", told, *pictures] if any(pictures) else []


def _tuning(findings: Findings) -> Section:
    return ["## How values were chosen", protocol.tuning(findings), _table(protocol.tries(findings))]


def _intervals(findings: Findings) -> Section:
    return [
        "## What the intervals cover",
        "An interval is the central 95 % of bootstrap means in which both the seeds of a training and the prompts of "
        "each category are drawn anew: it asks what other seeds and other prompts of the same kinds would have given. "
        "Prompts are drawn once for both arms of a difference, seeds of each arm by themselves. Few seeds drawn from "
        "themselves vary too little: what they add is enlarged to make up for it.",
        "Where all images of a category are right, or none is, drawing prompts anew gives the same again: an interval "
        "without width says that these prompts agree, not that others would. "
        f"There are {len(findings.tables.study['study']['seeds'])} seeds an arm. An arm with a single one, such as "
        "`base`, which is one model, has intervals over prompts alone. Each prompt is drawn once a run, always from "
        "the same noise. Not covered: other training sets, another base, another size, other values of the settings.",
        f"{spread(findings)} How often such intervals hold the truth is measured on made-up studies in "
        "`tests/study/test_statistics.py`: with three seeds the less often, the more the seeds of an arm differ.",
    ]


def _again(findings: Findings, folder: str) -> Section:
    files = ", ".join(f"[{name}]({folder}/{name})" for name in (RUNS, SCORES, TERMS, ESTIMATES, STUDY))
    lines, content = "\n".join(findings.tables.study["commands"]), findings.tables.study["content"]
    return [
        "## Run it again",
        "From the root of the checkout:",
        f"```text\n{lines}\n```",
        f"It goes on where it was interrupted, and writes this page anew. Tables: {files}.",
        "Read by all runs, each file or folder by its SHA-256:" if content else "",
        _table([("", "SHA-256"), *((f"`{key}`", f"`{told[:16]}`") for key, told in sorted(content.items()))]),
        f"Beside what the runs have in common, which is in {STUDY}, the arms have:",
        f"```yaml\n{protocol.differing(findings)}```",
    ]


def _table(rows: page_tables.Rows) -> str:
    return markdown(rows) if len(rows) > NO_ROWS else ""
