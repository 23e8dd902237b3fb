"""When a corrected caption still is the old one."""

import pytest

from lightning_compose.data.schema import Question
from lightning_compose.prepare.verify.rewriting import keeps_description, same_description

OLD = "Two red circles and a woman with a glass to the left of a green heart."
QUESTIONS = (
    Question(0, "Are there circles?", "yes", "entity", ("circle",)),
    Question(1, "Is there a woman?", "yes", "entity", ("woman",)),
    Question(2, "Are the circles red?", "yes", "attribute", ("circle", "color", "red"), (0,)),
    Question(3, "How many circles are there?", "2", "count", ("circle",), (0,)),
    Question(4, "Is the woman left of the heart?", "yes", "relation", ("woman", "left of", "heart"), (1,)),
)


def keeps(new, *right):
    return keeps_description(OLD, new, QUESTIONS, [index in right for index in range(len(QUESTIONS))])


@pytest.mark.parametrize(
    ("new", "right"),
    [
        ("A red circle above a woman.", (0, 1, 2)),  # the number and the relation may change
        ("A man and a red circle", (0, 2)),
        ("Circles and a woman", (0, 1)),
    ],
)
def test_what_was_right_is_kept(new, right):
    assert keeps(new, *right)


@pytest.mark.parametrize(
    ("new", "right"),
    [
        ("Two blue circles and a woman", (0, 1, 2)),
        ("Two red circles and a man", (0, 1, 2)),
        ("Two reddish circles and a woman", (0, 1, 2)),  # whole words only
        ("Two red circles and two women", (1,)),
        (OLD, ()),  # nothing was seen
        (OLD, (3,)),
    ],
)
def test_what_loses_it_is_another_caption(new, right):
    assert not keeps(new, *right)


def test_words_that_the_caption_did_not_have_are_not_asked_of_it():
    questions = (
        Question(0, "Is there a ring?", "yes", "entity", ("ring",)),
        Question(1, "Is the ring striped?", "yes", "attribute", ("ring", "texture", "striped"), (0,)),
    )
    assert keeps_description("A ring with stripes", "A blue ring with stripes", questions, [True, True])


def test_same_description():
    assert same_description("A red ring.", "the Red ring")
    assert not same_description("A red ring and a heart", "A red heart and a ring")
