import pytest

from lightning_compose.prepare.models.writer import Order
from lightning_compose.prepare.prompts.drafts import PromptDrafts
from lightning_compose.prepare.prompts.messages import writing_messages


def test_the_order_is_put_with_rules_template_and_what_to_avoid():
    *_, order = writing_messages(Order("color", "composition", 7, 0, ("A red cup.", "A blue hat.")))
    assert order["role"] == "user"
    for part in ("Write 7 prompts", "A {color} {object} and a {color} {object}.", "at most 24 words", "Swap the two"):
        assert part in order["content"]
    assert order["content"].endswith("- A red cup.\n- A blue hat.")


def test_the_example_answer_has_the_form_that_is_asked_for():
    _, _, answer, _ = writing_messages(Order("color", "single", 7, 0))
    drafts = PromptDrafts.model_validate_json(answer["content"]).drafts
    assert drafts[0].prompt == "A yellow umbrella."
    assert drafts[0].negative_prompt == "A purple umbrella."


def test_an_order_without_a_guide_names_the_known_ones():
    with pytest.raises(ValueError, match=r"single/color.*got single/spatial"):
        writing_messages(Order("spatial", "single", 7, 0))
