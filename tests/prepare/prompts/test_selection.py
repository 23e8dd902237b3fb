import pytest

from lightning_compose.data.schema import Question
from lightning_compose.prepare.models.writer import Draft, Order
from lightning_compose.prepare.prompts.near_duplicates import KnownTexts
from lightning_compose.prepare.prompts.selection import Selection
from lightning_compose.prepare.rows import PromptRow

CELL = ("single", "color")
ORDER = Order("color", "single", 5, 11)


def select(*drafts, wanted=5, benchmarks=()):
    selection = Selection({CELL: wanted}, 0.8, KnownTexts(0.8, benchmarks))
    selection.take(ORDER, drafts, "m")
    return selection


def reasons(*drafts, **options):
    return [each.reason for each in select(*drafts, **options).rejected]


def test_a_new_draft_becomes_a_row():
    question = Question(0, "Is there a cup?", "yes", "entity", ("cup",))
    selection = select(Draft("A red cup.", "A blue cup.", (question,), {"index": 4}))
    assert selection.kept[CELL] == [
        PromptRow(
            "single-color-000000", "A red cup.", "A blue cup.", "color", "single", "m", 11, (question,), {"index": 4}
        )
    ]
    assert selection.missing(CELL) == 4


def test_keys_count_what_is_kept():
    selection = select(Draft("A red cup.", "A blue cup."), Draft("", ""), Draft("A red hat.", "A blue hat."))
    assert [row.key for row in selection.kept[CELL]] == ["single-color-000000", "single-color-000001"]


def test_repetitions_name_what_they_repeat():
    drafts = [Draft(text, "A blue cup.") for text in ("A red cup.", "a red cup", "The red cup.")]
    first, second = select(*drafts).rejected
    assert (first.reason, first.repeats, first.similarity) == ("duplicate", "A red cup.", 1.0)
    assert (second.reason, second.repeats) == ("near_duplicate", "A red cup.")


def test_what_is_in_a_benchmark_is_kept_out_as_prompt_and_as_negative():
    drafts = [
        Draft("A red cup.", "A blue cup."),
        Draft("A red hat.", "A blue hat."),
        Draft("A red fan.", "A pink fan."),
    ]
    benchmarks = ["a photo of a red cup", "a blue hat"]
    selection = select(*drafts, benchmarks=benchmarks)
    assert [(each.reason, each.repeats) for each in selection.rejected] == [("benchmark", text) for text in benchmarks]
    assert [row.prompt for row in selection.kept[CELL]] == ["A red fan."]


@pytest.mark.parametrize(
    ("prompt", "negative", "reason"),
    [
        ("", "A blue cup.", "empty"),
        ("A red cup.", " ... ", "empty"),
        ("A red cup.", "a photo of the red cup", "same_negative"),
        ("A red cup and a blue hat.", "A blue hat and a red cup.", "same_negative"),
        ("A cup " + "red " * 15, "A blue cup.", "too_long"),
        ("A red cup.", "A cup " + "blue " * 15, "too_long"),
    ],
)
def test_what_is_malformed_is_rejected(prompt, negative, reason):
    assert reasons(Draft(prompt, negative)) == [reason]


def test_a_swap_that_can_be_seen_is_a_negative():
    assert reasons(Draft("A dog chases a cat.", "A cat chases a dog.")) == []
    assert reasons(Draft("A red cup and a blue hat.", "A blue cup and a red hat.")) == []


def test_more_than_is_wanted_is_surplus():
    assert reasons(Draft("A red cup.", "A blue cup."), Draft("A red hat.", "A blue hat."), wanted=1) == ["surplus"]
