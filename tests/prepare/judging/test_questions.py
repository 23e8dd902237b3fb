"""What a language model's questions must be."""

import pytest
from pydantic import ValidationError

from lightning_compose.data.schema import Question
from lightning_compose.prepare.judging.questions import EXAMPLES, Decomposition, question_messages


def asked(number, kind="entity", arguments=("ring",), answer="yes", depends_on=(), question="Is there a ring?"):
    return {
        "id": number,
        "kind": kind,
        "arguments": list(arguments),
        "question": question,
        "answer": answer,
        "depends_on": list(depends_on),
    }


def test_questions_become_those_of_a_sample():
    color = asked(1, "attribute", ("ring", "red"), "Yes ", (0,), "Is the ring red?")
    found = Decomposition.model_validate({"questions": [asked(0), color]}).to_questions()
    assert found[1] == Question(1, "Is the ring red?", "yes", "attribute", ("ring", "red"), (0,))


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ([], "Expected questions"),
        ([asked(0), asked(0)], "an id of its own"),
        ([asked(0, depends_on=(3,))], "depend on questions among"),
        ([asked(0), asked(1, depends_on=(2,)), asked(2, depends_on=(1,))], "without a circle"),
        ([asked(0, "scene", ("beach",))], "a question about an entity, got none"),
        ([asked(0), asked(1, "attribute", ("ring", "red"))], "question 1 to depend on an entity"),
        ([asked(0), asked(1, "count", ("ring",), "two", (0,))], "question 1 to be a number in digits, got 'two'"),
        ([asked(0, answer="maybe")], "question 0 to be yes or no, got 'maybe'"),
        ([asked(0), asked(1, "relation", ("ring", "above"), "yes", (0,))], "have words and 3 arguments"),
        ([asked(0, question=" ")], "have words"),
        ([asked(0, "feeling")], "Input should be"),
    ],
)
def test_what_breaks_the_rules_does_not_validate(questions, message):
    with pytest.raises(ValidationError, match=message):
        Decomposition.model_validate({"questions": questions})


def test_a_prompt_is_asked_about_after_valid_examples():
    messages = question_messages("A dog in a hat")
    assert [each["role"] for each in messages] == ["system", *["user", "assistant"] * len(EXAMPLES), "user"]
    for example in messages[2::2]:
        assert Decomposition.model_validate_json(example["content"])
    assert messages[-1]["content"] == "A dog in a hat"
