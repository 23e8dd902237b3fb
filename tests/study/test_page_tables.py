"""Rows of the page's tables: cells by hand."""

import dataclasses

import pytest
from made_study import made_study

from lightning_compose.study import page_tables
from lightning_compose.study.findings import find


@pytest.fixture(scope="module")
def findings():
    return find(made_study({"base": 0.1, "plain": 0.4, "dear": 0.9}, seeds=2, prompts=6, costs={"dear": 1.5}))


def test_what_leaves_out_zero_is_bold(findings):
    header, base, plain, dear = page_tables.means(findings.equal_steps, "plain")
    assert header[1:4] == ("seeds", "seen", "held-out")
    assert [row[0] for row in (base, plain, dear)] == ["base", "plain", "dear"]
    assert plain[5:] == ("", "", "")
    assert all(cell.startswith("**+") and cell.endswith(")**") for cell in dear[5:])
    assert dear[1] == "2"
    assert base[1] == "1"


def test_a_row_a_category(findings):
    rows = page_tables.by_category(findings.equal_steps, "seen")
    assert rows[0] == ("", "base", "plain", "dear")
    assert [row[0] for row in rows[1:]][-1] == "mean of the categories"
    assert len(rows) == 10


def test_equal_cost_tells_what_was_spent(findings):
    assert page_tables.reached_at_equal_cost(findings)[1:] == [
        ("base", "0", "0.0 %"),
        ("plain", "100", "100.0 %"),
        ("dear", "50", "75.0 %"),
    ]


def test_costs_are_relative_to_the_reference(findings):
    header, base, plain, dear = page_tables.costs(findings)
    assert header[2:4] == ("GFLOP", "against plain")
    assert plain[1:6] == ("100", "200.00", "1.00", "50", "1.00")
    assert dear[2:4] == ("300.00", "1.50")
    assert dear[6] == "0.0500 (0.0500 to 0.0500)"
    assert base[6] == "0.0500"


def test_terms_are_those_where_the_arms_are_read():
    losses = {"base": ["token"], "token": ["token", "token_in_mask_share"]}
    made = made_study({"base": 0.1, "plain": 0.4, "token": 0.4}, seeds=2, prompts=1, losses=losses)
    made = dataclasses.replace(made, terms=made.terms[::-1])  # what was logged earlier comes last
    # 1 - step / 1000 + seed / 10, of seed 0: the base after no step, the others after their last of 100.
    assert page_tables.terms(find(made)) == [
        ("", "base", "token"),
        ("token", "1.0000", "0.9000"),
        ("token_in_mask_share", "", "0.9000"),
    ]


def test_estimates_are_a_full_table(findings):
    rows = page_tables.estimates(findings)
    assert {len(row) for row in rows} == {len(rows[0])}
    assert sum(bool(row[9]) for row in rows[1:]) == 2 * 2 * 29
