import pytest

from lightning_compose.prepare.models.writer import Draft, Order
from lightning_compose.prepare.prompts.category_guides import GUIDES, SUBJECTS
from lightning_compose.prepare.prompts.default_counts import PAPER_TOTAL, default_counts
from lightning_compose.prepare.prompts.near_duplicates import KnownTexts
from lightning_compose.prepare.prompts.selection import Selection


def test_there_is_a_guide_to_every_prompt_that_is_wanted_by_default():
    wanted = {(stage, category) for stage, counts in default_counts().items() for category in counts}
    assert set(GUIDES) == wanted
    assert set(SUBJECTS) == {category for _, category in wanted}


def test_the_default_is_the_papers_total_and_alike_for_each_category():
    counts = default_counts()
    by_category = {category: sum(each.get(category, 0) for each in counts.values()) for category in SUBJECTS}
    assert sum(by_category.values()) == PAPER_TOTAL
    assert set(by_category.values()) == {PAPER_TOTAL // 8}


@pytest.mark.parametrize("cell", GUIDES, ids="/".join)
def test_the_examples_keep_the_rules_that_drafts_must_keep(cell):
    stage, category = cell
    drafts = [Draft(*example) for example in GUIDES[cell].examples]
    selection = Selection({cell: len(drafts)}, 0.8, KnownTexts(0.8))
    assert selection.take(Order(category, stage, len(drafts), 0), drafts, "m") == len(drafts)
