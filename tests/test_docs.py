"""The pages under docs/ are true: their commands run, and then their Python."""

import pytest
from fenced_blocks import commands, fenced_blocks
from pages import ROOT, enter_checkout, run_command, run_python

PAGES = [page for page in sorted((ROOT / "docs").glob("*.md")) if commands(page) or fenced_blocks(page, "python")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_runs(page, tmp_path, monkeypatch, tiny_pipeline):
    enter_checkout(tmp_path, page, monkeypatch)
    for command in commands(page):
        run_command(command, tiny_pipeline)
    run_python(page)
