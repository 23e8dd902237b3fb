"""The pages under docs/ are true: their commands and their Python run."""

import pytest
from fenced_blocks import commands, fenced_blocks
from pages import ROOT, enter_checkout, run_command, run_python

PAGES = sorted((ROOT / "docs").glob("*.md"))


def with_code(language):
    pages = [page for page in PAGES if fenced_blocks(page, language)]
    return pytest.mark.parametrize("page", pages, ids=lambda page: page.name)


@with_code("python")
def test_python_runs(page, tmp_path, monkeypatch):
    enter_checkout(tmp_path, page, monkeypatch)
    run_python(page)


@with_code("bash")
def test_commands_run(page, tmp_path, monkeypatch, tiny_pipeline):
    enter_checkout(tmp_path, page, monkeypatch)
    for command in commands(page):
        run_command(command, tiny_pipeline)
