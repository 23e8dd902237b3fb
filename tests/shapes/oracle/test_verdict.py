"""Readings answer questions; an answer counts only where those that it depends on are right."""

import dataclasses

import pytest

from lightning_compose.data.schema import Question
from lightning_compose.shapes.oracle.reader import read
from lightning_compose.shapes.oracle.reading import Reading, Seen
from lightning_compose.shapes.oracle.verdict import answer, judge
from lightning_compose.shapes.pairs import ROUND, draw_pair
from lightning_compose.shapes.palette import COLORS
from lightning_compose.shapes.questions import ask
from lightning_compose.shapes.render import render
from lightning_compose.shapes.scenes import Object

RING = Object("ring", "red", "striped", 0.25, 0.5, 0.3)
HEART = Object("heart", "blue", "plain", 0.75, 0.5, 0.3)
READING = Reading("meadow", (Seen(RING, 1.0), Seen(HEART, 1.0)))
QUESTIONS = (
    Question(0, "Is there a ring?", "yes", "entity", ("ring",)),
    Question(1, "Is there a heart?", "yes", "entity", ("heart",)),
    Question(2, "Is the ring red?", "yes", "attribute", ("ring", "color", "red"), (0,)),
    Question(3, "Is the ring to the left of the heart?", "yes", "relation", ("ring", "left of", "heart"), (0, 1)),
    Question(4, "Is this in a meadow?", "yes", "scene", ("meadow",)),
)


def test_a_right_reading_is_correct():
    verdict = judge(READING, QUESTIONS)
    assert verdict.answers == ("yes",) * 5
    assert verdict.correct


def test_a_missing_object_takes_its_attributes_and_relations_with_it():
    verdict = judge(Reading("meadow", READING.objects[:1]), QUESTIONS)
    assert verdict.right == (True, False, True, False, True)
    assert not verdict.correct


def test_an_answer_alone_does_not_count():
    counted = Question(1, "How many hearts are there?", "0", "count", ("heart",), (0,))
    absent = Question(0, "Is there a heart?", "yes", "entity", ("heart",))
    verdict = judge(Reading(None, ()), (absent, counted))
    assert verdict.answers == ("no", "0")
    assert verdict.right == (False, False)


def test_a_relation_needs_both_objects():
    apart = Question(2, "Is the ring inside the heart?", "no", "relation", ("ring", "inside", "heart"), (0, 1))
    assert judge(Reading("meadow", READING.objects[:1]), (*QUESTIONS[:2], apart)).right == (True, False, False)
    assert judge(READING, (*QUESTIONS[:2], apart)).right == (True, True, True)


def test_no_background_is_no_scene():
    assert answer(Reading(None, READING.objects), QUESTIONS[4]) == "no"


def test_a_question_before_the_one_it_depends_on_is_refused():
    with pytest.raises(ValueError, match="Sort the questions"):
        judge(READING, QUESTIONS[::-1])


def test_a_pair_is_told_apart():
    for index in range(2 * len(ROUND)):
        pair = draw_pair(2, "held_out", index)
        questions = ask(pair.description)
        assert judge(read(render(pair.positive)), questions).correct, pair
        assert not judge(read(render(pair.negative)), questions).correct, pair


def test_a_wrong_colour_fails_the_question_about_it_alone():
    pair = draw_pair(0, "held_out", 1)
    questions = ask(pair.description)
    item = pair.positive.objects[0]
    other = next(color for color in COLORS if color not in {each.color for each in pair.positive.objects})
    recolored = dataclasses.replace(item, color=other)
    scene = dataclasses.replace(pair.positive, objects=(recolored, *pair.positive.objects[1:]))
    verdict = judge(read(render(scene)), questions)
    wrong = [question.arguments for question, right in zip(questions, verdict.right, strict=True) if not right]
    assert wrong == [(item.shape, "color", item.color)]
