"""The judge's faults: as many as stated, the same again, and wrong in a stated way."""

import pytest
from PIL import Image

from lightning_compose.data.schema import Question
from lightning_compose.shapes.preparing.answerer import FaultyOracle
from lightning_compose.shapes.preparing.looking import look
from lightning_compose.shapes.render import render
from lightning_compose.shapes.scenes import Background, Object, Scene

SCENE = Scene(
    Background("meadow"),
    (Object("ring", "red", "plain", 0.25, 0.28, 0.4), Object("ring", "red", "plain", 0.72, 0.72, 0.4)),
)
IMAGE = Image.fromarray(render(SCENE))
QUESTIONS = (
    Question(0, "Are there rings?", "yes", "entity", ("ring",)),
    Question(1, "Are the rings blue?", "yes", "attribute", ("ring", "color", "blue"), (0,)),
    Question(2, "How many rings are there?", "2", "count", ("ring",), (0,)),
    Question(3, "How many hearts are there?", "1", "count", ("heart",), (0,)),
)
TRUTH = ("yes", "no", "2", "0")


def answers(judge, count, questions=QUESTIONS):
    return judge.answer([IMAGE] * count, [questions] * count, [f"k/{index}" for index in range(count)])


def test_without_faults_the_oracle_speaks():
    assert answers(FaultyOracle(0.0), 2) == [TRUTH, TRUTH]


def test_a_wrong_answer_is_the_other_one_or_one_off():
    columns = zip(*answers(FaultyOracle(1.0), 20), strict=True)
    assert [set(each) for each in columns] == [{"no"}, {"yes"}, {"1", "3"}, {"1"}]


def test_faults_are_as_frequent_as_stated():
    given = answers(FaultyOracle(0.1, seed=1), 500)
    wrong = sum(answer != truth for row in given for answer, truth in zip(row, TRUTH, strict=True))
    assert 160 <= wrong <= 240  # 200 expected of 2,000, with a standard deviation of 13.4


def test_the_same_image_and_question_get_the_same_answer_in_any_company():
    judge = FaultyOracle(0.5, seed=2)
    together = answers(judge, 8)
    for index, question in enumerate(QUESTIONS):
        assert [row[0] for row in answers(judge, 8, (question,))] == [row[index] for row in together]
    assert answers(FaultyOracle(0.5, seed=3), 8) != together
    assert len(set(together)) > 1


def test_an_image_is_looked_at_once():
    assert look(IMAGE) is look(IMAGE.copy())


def test_a_rate_is_a_share():
    with pytest.raises(ValueError, match="`error_rate` to be a share"):
        FaultyOracle(1.5)
