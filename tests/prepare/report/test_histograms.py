"""Alignments by category, and their picture."""

import pytest
from made_report import made_workspace

from lightning_compose.prepare.report.found import find
from lightning_compose.prepare.report.histograms import alignments, draw_histograms


def test_all_candidates_and_those_that_were_kept(tmp_path):
    found = alignments(find(made_workspace(tmp_path / "w")).results)
    assert list(found) == ["color"]
    of_all, of_kept = found["color"]
    assert sorted(of_all) == [0.0, 0.5, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0]
    assert of_kept == [1.0] * 4


@pytest.mark.parametrize("count", [1, 5])
def test_each_category_has_a_panel_with_all_values_in_it(count):
    figure = draw_histograms({f"category {number}": ([0.0, 0.55, 1.0], [1.0]) for number in range(count)})
    assert [axes.get_title() for axes in figure.axes] == [f"category {number}" for number in range(count)]
    heights = [[patch.get_height() for patch in axes.patches] for axes in figure.axes]
    assert all(sum(each) == 4 and each[9] == each[19] == 1 for each in heights)
