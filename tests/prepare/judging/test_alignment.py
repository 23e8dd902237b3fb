"""From answers to alignment, by hand."""

import pytest

from lightning_compose.data.schema import Question
from lightning_compose.prepare.judging.alignment import (
    QuestionsError,
    alignment,
    askable,
    in_order,
    is_answer,
    is_success,
    is_violation,
    right_answers,
)


def question(number, *parents, answer="yes"):
    return Question(number, f"{number}?", answer, "entity", ("ring",), parents)


# 0 ring, 1 heart; 2 the ring is red, 3 there are two hearts, 4 the red ring touches the hearts.
GRAPH = (question(0), question(1), question(2, 0), question(3, 1, answer="2"), question(4, 2, 1))


@pytest.mark.parametrize(
    ("answers", "right"),
    [
        (("yes", "yes", "yes", "2", "yes"), (True, True, True, True, True)),
        (("yes", "yes", "yes", "3", "yes"), (True, True, True, False, True)),
        (("no", "yes", "yes", "2", "yes"), (False, True, False, True, False)),  # by way of the colour
        (("yes", "no", "yes", "2", "yes"), (True, False, True, False, False)),
        (("no", "no", "", "", ""), (False,) * 5),
    ],
)
def test_a_child_of_a_wrong_parent_is_wrong(answers, right):
    assert right_answers(GRAPH, answers) == right


def test_the_order_of_questions_does_not_matter():
    backwards = GRAPH[::-1]
    assert right_answers(backwards, ("yes", "2", "yes", "yes", "no")) == (False, True, False, True, False)
    assert [each.id for each in in_order(backwards)] == [1, 3, 0, 2, 4]


def test_questions_in_order_stay_as_they_are():
    assert in_order(GRAPH) == GRAPH


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ((question(0), question(1, 7)), r"question 1 to depend on questions among \[0, 1\], got \[7\]"),
        ((question(0), question(1, 2), question(2, 1)), r"without a circle, got one among questions \[1, 2\]"),
        ((question(0, 0),), "without a circle"),
        ((question(3), question(3)), r"an id of its own, got ids \[3, 3\]"),
        ((), r"got ids \[\]"),
    ],
)
def test_graphs_that_lead_nowhere_are_refused(questions, message):
    with pytest.raises(QuestionsError, match=message):
        in_order(questions)
    with pytest.raises(QuestionsError, match=message):
        right_answers(questions, [""] * len(questions))


def test_only_questions_whose_parents_are_right_are_asked():
    assert [each.id for each in askable(GRAPH, {})] == [0, 1]
    assert [each.id for each in askable(GRAPH, {0: "no", 1: "yes"})] == [3]
    assert [each.id for each in askable(GRAPH, {0: "yes", 1: "yes"})] == [2, 3]
    assert [each.id for each in askable(GRAPH, {0: "yes", 1: "yes", 2: "no", 3: "2"})] == []


@pytest.mark.parametrize(
    ("right", "category", "success"),
    [
        ([True] * 10, "color", True),
        ([True] * 9 + [False], "color", False),
        ([True] * 9 + [False], "complex", True),  # exactly the share
        ([True] * 8 + [False], "complex", False),
    ],
)
def test_some_categories_forgive(right, category, success):
    assert is_success(right, category, {"complex": 0.9}) is success
    assert alignment(right) == pytest.approx(sum(right) / len(right))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Yes.", "yes"),
        ("Yes, there is no doubt.", "yes"),
        ("NO", "no"),
        ("Two.", "2"),
        ("There are 3 rings", "3"),
        ("The  left-hand side", "the left hand side"),
    ],
)
def test_answers_are_read_as_people_write_them(given, expected):
    assert is_answer(given, expected)


@pytest.mark.parametrize(
    ("given", "expected"), [("", "yes"), ("No, yes", "yes"), ("", "0"), ("2 or 3", "2"), ("12", "2"), ("red", "yes")]
)
def test_other_answers_are_wrong(given, expected):
    assert not is_answer(given, expected)


def test_a_violation_is_what_the_positive_does_better():
    assert is_violation((True, True), (True, False))
    assert not is_violation((True, False), (True, False))  # wrong in both: no difference between them
    assert not is_violation((True, False), (True, True))
