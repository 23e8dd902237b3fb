"""The page: of a whole study, of a part of it, and of nothing."""

import dataclasses
import re
import subprocess
import sys

import pytest
from made_study import made_study, questions, write_tables
from PIL import Image
from scored import scored

from lightning_compose.evaluation.scores import write_scores
from lightning_compose.study.page import write_page
from lightning_compose.study.tables import Tables

ARMS = {"base": 0.1, "plain": 0.4, "same": 0.4, "better": 0.9}
PROMPTS = 4
ESTIMATES = "results/estimates.csv"


@pytest.fixture(scope="module")
def tables():
    return made_study(ARMS, prompts=PROMPTS, costs={"better": 1.5})


@pytest.fixture(scope="module")
def page(tables, tmp_path_factory):
    out = tmp_path_factory.mktemp("study")
    write_tables(tables, out / "tables")
    for folder in ("base/evaluation/000000", "plain/0/evaluation/000100", "better/0/evaluation/000100"):
        keep_images(out / folder)
    return written(out)


def keep_images(folder):
    rows = [
        dataclasses.replace(scored(category, True, f"prompt {index}", split), index=index, file="0.png")
        for index, (category, split) in enumerate(questions(PROMPTS))
    ]
    write_scores(rows, folder / "scores.csv")
    Image.new("RGB", (64, 64)).save(folder / "0.png")


def written(out):
    write_page(out / "tables", out, out / "docs" / "results.md")
    return out / "docs" / "results.md"


def part_of(tables, *runs):
    return Tables(
        tuple(each for each in tables.runs if (each.arm, each.seed) in runs),
        tuple(each for each in tables.scores if (each.arm, each.seed) in runs),
        tuple(each for each in tables.terms if (each.arm, each.seed) in runs),
        tables.study,
    )


def test_known_effects_are_concluded(page):
    text = page.read_text()
    assert "`better` is better than `plain` on held-out compositions at equal steps" in text
    assert "`same` is not told apart from `plain` on held-out compositions" in text
    assert "`base`, the model before fine-tuning, is below `plain`" in text
    assert "10 of 10 runs are done." in text


def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)]+)\)", page.read_text())
    assert len(links) == 11
    assert [link for link in links if not (page.parent / link).is_file()] == []


def test_rows_of_a_table_have_the_cells_of_its_header(page):
    for table in re.findall(r"(?:^\|.*\n)+", page.read_text(), re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_the_same_tables_make_the_same_page(tmp_path):
    pages = []
    for name in ("one", "two"):
        write_tables(made_study({"plain": 0.4, "token": 0.5}, seeds=2, prompts=1), tmp_path / name / "tables")
        pages.append(written(tmp_path / name))
    texts, estimates = zip(*((each.read_text(), (each.parent / ESTIMATES).read_text()) for each in pages), strict=True)
    assert texts[0] == texts[1]
    assert estimates[0] == estimates[1]


def test_what_the_losses_came_to_and_the_evidence_are_told(tables, tmp_path):
    assert "What the losses came to" not in written_of(tables, tmp_path / "without")
    told = made_study({"base": 0.1, "plain": 0.4, "token": 0.4}, prompts=1, losses={"token": ["token"]})
    rows = [["timestep", "gain"], ["50", "0.25"]]
    told.study["evidence"] = [{"title": "Why", "note": "See the gain.", "command": "python -m why", "rows": rows}]
    text = written_of(told, tmp_path / "with")
    assert "| token | 0.9000 |" in text
    assert "## Why\n\nSee the gain.\n\n```text\npython -m why\n```\n\n| timestep | gain |\n" in text
    told.study["evidence"][0]["rows"] = []
    assert "SHA-256" not in text, "nothing was read"
    told.study["content"] = {"evaluation.prompts": "0123456789abcdef" * 4}
    assert "| `evaluation.prompts` | `0123456789abcdef` |" in written_of(told, tmp_path / "read")
    assert "python -m why\n```\n\nNot measured yet.\n" in written_of(told, tmp_path / "unmeasured")


def written_of(tables, out):
    write_tables(tables, out / "tables")
    return written(out).read_text()


def test_a_part_of_a_study_says_what_is_missing(tables, tmp_path):
    done = [("base", 0), ("plain", 0), ("plain", 1), ("better", 2)]
    write_tables(part_of(tables, *done), tmp_path / "tables")
    text = written(tmp_path).read_text()
    missing = "`plain:2`, `same:0`, `same:1`, `same:2`, `better:0`, `better:1`"
    assert f"4 of 10 runs are done. Missing: {missing}." in text
    assert "1 seed against 2 seeds" in text


def test_without_the_reference_nothing_is_concluded(tables, tmp_path):
    write_tables(part_of(tables, ("better", 0)), tmp_path / "tables")
    assert "Nothing is compared yet: no run of `plain`" in written(tmp_path).read_text()


def test_nothing_is_done_yet_and_the_page_lies_with_the_tables(tables, tmp_path):
    folder = write_tables(tables, tmp_path / "results")
    for name in ("runs.csv", "scores.csv"):
        (folder / name).write_text((folder / name).read_text().splitlines()[0] + "\n")
    write_page(folder, tmp_path, tmp_path / "results.md")
    assert "0 of 10 runs are done." in (tmp_path / "results.md").read_text()


def test_importing_it_leaves_heavy_modules_alone():
    code = "import sys, lightning_compose.study.page; print(*{'torch', 'matplotlib', 'lightning'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
