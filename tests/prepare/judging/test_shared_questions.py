"""Questions about two captions, those that both ask once, by hand."""

import pytest

from lightning_compose.data.schema import Question
from lightning_compose.prepare.judging.alignment import QuestionsError
from lightning_compose.prepare.judging.shared_questions import share_questions

RING = Question(0, "Is there a ring?", "yes", "entity", ("ring",))
RED = Question(1, "Is the ring red?", "yes", "attribute", ("ring", "red"), (0,))


def asked(number, text, *parents, answer="yes"):
    return Question(number, text, answer, "attribute", (), parents)


def test_what_both_ask_is_asked_once():
    second = (asked(7, "Is the ring blue?", 9), asked(9, "Is there a ring?"))
    shared = share_questions((RING, RED), second)
    assert shared.questions == (RING, RED, asked(2, "Is the ring blue?", 0))
    assert shared.split(["yes", "no", "No."]) == (("yes", "no"), ("No.", "yes"))


def test_another_answer_or_another_parent_is_another_question():
    second = (RING, asked(1, "Is the ring red?"), asked(2, "How many?", 0, answer="2"))
    shared = share_questions((RING, RED, asked(5, "How many?", 0, answer="3")), second)
    assert [each.id for each in shared.questions] == [0, 1, 5, 6, 7]
    assert shared.second == (0, 3, 4)


def test_one_side_may_be_empty():
    assert share_questions((RING,), ()).questions == (RING,)
    assert share_questions((), (RED, RING)).questions == (
        Question(0, RING.question, "yes", "entity", ("ring",)),
        Question(1, RED.question, "yes", "attribute", ("ring", "red"), (0,)),
    )


def test_questions_that_cannot_be_asked_are_refused():
    with pytest.raises(QuestionsError):
        share_questions((RING,), (RED,))
