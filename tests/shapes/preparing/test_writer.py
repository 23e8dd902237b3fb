import pytest

from lightning_compose.prepare.models.writer import Order
from lightning_compose.shapes.holdout import stated
from lightning_compose.shapes.pairs import ROUND, draw_pair
from lightning_compose.shapes.preparing.writer import ShapesWriter

CELLS = sorted({(stage, category) for stage, category, _ in ROUND})


def write(stage, category, count=3, seed=5):
    return ShapesWriter().write(Order(category, stage, count, seed))


@pytest.mark.parametrize(("stage", "category"), CELLS)
def test_drafts_are_pairs_of_the_stage_and_category(stage, category):
    drafts = write(stage, category)
    pairs = [draw_pair(draft.source["seed"], draft.source["split"], draft.source["index"]) for draft in drafts]
    assert [(pair.stage, pair.category) for pair in pairs] == [(stage, category)] * 3
    assert not any(stated(pair.description) for pair in pairs)
    assert len({pair.positive for pair in pairs}) == 3


def test_a_draft_has_both_captions_and_questions_about_the_first():
    draft = write("single", "color", count=1)[0]
    assert draft.prompt != draft.negative_prompt
    assert draft.questions[0].kind == "entity"
    assert draft.questions[0].arguments[0] in draft.prompt


def test_the_same_order_brings_the_same_and_another_seed_others():
    assert write("complex", "complex") == write("complex", "complex")
    assert write("complex", "complex") != write("complex", "complex", seed=6)


def test_what_the_world_does_not_have_is_refused():
    with pytest.raises(ValueError, match=r"composition/spatial.*got single/spatial"):
        write("single", "spatial")
