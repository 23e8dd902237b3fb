"""Rules of choice held to the truth: tables by hand, a real measurement of two pairs, and the page's tables."""

import pytest

from benchmarks.prepare_choice import BLOCK, PAGE, VALUES, measure, tables
from lightning_compose.documentation import read_csv

ROWS = [
    {"skill": 0.5, "faults": faults, "pairs": 4, "of": of, "choice": "any", "kept": kept, "true": 1, "shows_own": 0}
    for faults, kept in ((0.0, 2), (0.1, 0))
    for of in ("negatives", "positives")
]


def test_a_table_a_kind_of_image_and_a_column_a_judge():
    positives, negatives = tables(ROWS).split("\n\nShare of the ")
    assert "of the positives kept that truly show their caption, of 4 pairs" in positives
    assert "in 50% of its images:" in positives
    assert negatives.splitlines()[2:] == [
        "| chosen by | 0% wrong answers | 10% wrong answers |",
        "| --- | ---: | ---: |",
        "| any | 50% of 2 | none kept |",
    ]


@pytest.fixture(scope="module")
def measured():
    return measure(pairs=2, skills=(0.5,), faults=(0.0,))


def test_a_judge_without_faults_is_right(measured):
    by_judge = [row for row in measured if "question fails" in row["choice"] or "judge" in row["choice"]]
    assert len(by_judge) > 5
    assert all(row["true"] == row["kept"] for row in by_judge)
    both = next(row for row in measured if row["choice"].startswith("a question fails, own caption"))
    assert both["shows_own"] == both["kept"] == 2


def test_the_page_tells_what_was_measured():
    page = PAGE.read_text()
    told = page.partition(f"<!-- begin {BLOCK} -->")[2].partition(f"<!-- end {BLOCK} -->")[0]
    assert told.strip() == tables(read_csv(VALUES))
