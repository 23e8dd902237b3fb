"""The embedded world's benchmark: what is in it, and that its prompts are what they say."""

from collections import Counter

import pytest

from lightning_compose.evaluation.prompts import COMPOSITIONAL, MULTIGEN
from lightning_compose.shapes.benchmark import FIRST_SEED, draw_prompts, pairs_of
from lightning_compose.shapes.holdout import held_out_company, stated
from lightning_compose.shapes.questions import answer

PER_CATEGORY = 3


@pytest.fixture(scope="module")
def prompts():
    return draw_prompts(PER_CATEGORY)


def test_every_category_has_as_many_in_both_splits(prompts):
    counts = Counter((each.category, each.split) for each in prompts)
    assert set(counts) == {(name, split) for name in (*COMPOSITIONAL, MULTIGEN) for split in ("seen", "held_out")}
    assert set(counts.values()) == {PER_CATEGORY}


def test_the_eight_categories_are_the_papers():
    assert len(COMPOSITIONAL) == 8


def test_they_are_the_same_again_and_others_for_another_seed(prompts):
    assert draw_prompts(PER_CATEGORY) == prompts
    other = draw_prompts(PER_CATEGORY, seed=1)
    assert not {each.prompt for each in other} >= {each.prompt for each in prompts}


def test_no_two_images_share_a_seed(prompts):
    assert len({each.seed for each in prompts}) == len(prompts)


def test_the_scene_of_a_prompt_answers_its_questions_as_expected(prompts):
    for category in COMPOSITIONAL:
        for split, pair in zip(
            ("seen", "held_out"), (next(pairs_of(category, s, FIRST_SEED)) for s in ("seen", "held_out")), strict=True
        ):
            first = next(each for each in prompts if (each.category, each.split) == (category, split))
            assert all(answer(pair.positive, question) == question.answer for question in first.questions)
            assert any(answer(pair.negative, question) != question.answer for question in first.questions)
            assert bool(stated(pair.description)) == (split == "held_out")


def test_multigen_names_five_distinct_shapes(prompts):
    for prompt in prompts:
        if prompt.category == MULTIGEN:
            shapes = [question.arguments[0] for question in prompt.questions]
            assert prompt.is_entity == (True,) * 5
            assert len(set(shapes)) == 5
            assert all(shape in prompt.prompt for shape in shapes)
            assert prompt.prompt.startswith("A picture of a")
            assert bool(held_out_company(shapes)) == (prompt.split == "held_out")


@pytest.mark.parametrize("arguments", [(0, 0), (1, -1), (1, 2**40)])
def test_refuses_numbers_out_of_range(arguments):
    with pytest.raises(ValueError, match="per_category to be at least 1"):
        draw_prompts(*arguments)
