"""The README is true: its commands run, its Python runs, its tree is the tree, its links lead somewhere."""

import re
from fnmatch import fnmatch

import pytest
from fenced_blocks import commands, fenced_blocks
from pages import ROOT, enter_checkout, run_command, run_python

from lightning_compose.documentation import read_csv

README = ROOT / "README.md"
# Its two commands set up an environment of their own: .ci/run runs them.
SET_UP = ("make demo", "make test", ". .venv/bin/activate")
FILE_BY_FILE = ("lightning_compose", "configs", "docs", "benchmarks")
FOLDERS_ONLY = ("data_shards", "tests")
# One line stands for all that lies below.
SUMMED_UP = ("lightning_compose/assets/*", "docs/images/*", "docs/benchmarks/*", "docs/results/*", "data_shards/*/*")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    return enter_checkout(tmp_path, README, monkeypatch)


def test_ci_runs_the_two_commands():
    ci = (ROOT / ".ci" / "run").read_text()
    assert [command for command in commands(README) if command.startswith("make ")] == ["make demo", "make test"]
    assert re.findall(r"^make (demo|test)\b", ci, re.MULTILINE) == ["demo", "test"]


def test_every_other_command_runs(checkout, tiny_pipeline):
    for command in commands(README):
        if command not in SET_UP:
            run_command(command, tiny_pipeline)
    assert (checkout / "my_set.png").is_file()
    assert list((checkout / "images").glob("*.png"))
    assert (checkout / "my_model" / "model_index.json").is_file()


def test_its_python_runs(checkout):
    run_python(README)


def test_its_accuracies_are_those_that_the_demo_printed():
    names = {"seen": "compositions seen in training", "held_out": "compositions held out", "both": "both"}
    means = [row for row in read_csv(ROOT / "docs/benchmarks/demo.csv") if row["name"] == "mean of the categories"]
    assert [row["split"] for row in means] == list(names)
    for row in means:
        before, after = (f"{100 * float(row[each]):.1f}" for each in ("before", "after"))
        points, low, high = (f"{100 * float(row[each]):+.1f}" for each in ("difference", "low", "high"))
        assert f"| {names[row['split']]} | {before} | {after} | {points} ({low} to {high}) |" in README.read_text()


def test_the_tree_is_the_tree():
    listed = set(tree_paths())
    missing = {path for path in listed if not (ROOT / path).exists()}
    assert not missing, f"The README's tree lists what is not there: {sorted(missing)}"
    unlisted = set(actual_paths()) - listed
    assert not unlisted, f"The README's tree lacks: {sorted(unlisted)}"


@pytest.mark.parametrize("page", [README, *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
    assert not [target for target in targets if not (page.parent / target).exists()]


def tree_paths():
    """Yield every path of the tree block; a line is its name, indented by two spaces a level, and a description."""
    folders = []
    for line in tree_block().splitlines():
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        folders[depth:] = [name.rstrip("/")]
        yield "/".join(folders)


def tree_block():
    (tree,) = (block for block in fenced_blocks(README, "text") if "lightning_compose/" in block)
    return tree


def actual_paths():
    """Yield what the tree must list: every folder, and every file that is code, configuration or a page."""
    for top in (*FILE_BY_FILE, *FOLDERS_ONLY):
        for path in (ROOT / top).rglob("*"):
            relative = path.relative_to(ROOT)
            hidden = any(part.startswith((".", "_")) for part in relative.parts)
            summed_up = any(fnmatch(relative.as_posix(), pattern) for pattern in SUMMED_UP)
            if not hidden and not summed_up and (path.is_dir() or top in FILE_BY_FILE):
                yield relative.as_posix()
