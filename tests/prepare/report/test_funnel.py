"""What is left after each step, by hand."""

from made_report import made_workspace, packed_workspace

from lightning_compose.prepare.report.found import find
from lightning_compose.prepare.report.funnel import CellCounts, Passage, by_cell, funnel, told_reasons


def test_each_step_has_its_passage_with_its_own_losses(tmp_path):
    assert funnel(find(packed_workspace(tmp_path / "w"))) == [
        Passage("drafts of the writer", 9, {}),
        Passage("prompts", 6, {"near_duplicate": 1}),
        Passage("prompts with images", 6, {}),
        Passage("prompts with a positive", 4, {"no_success": 1, "no_questions": 1}),
        Passage("positives with a negative", 3, {"no_violation": 1}),
        Passage("samples packed", 3, {}),
    ]


def test_stages_and_categories_are_counted(tmp_path):
    counts = by_cell(find(made_workspace(tmp_path / "w")))
    assert counts == {("single", "color"): CellCounts(5, 3, 0, 2, 0), ("complex", "color"): CellCounts(1, 1, 1, 1, 0)}


def test_the_most_frequent_reason_is_told_first():
    assert told_reasons(Passage("", 0, {"seldom": 1, "often": 7})) == "often 7, seldom 1"
