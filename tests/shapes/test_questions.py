"""Questions ask for what a caption states, and scenes answer them."""

import pytest

from lightning_compose.data.schema import Question
from lightning_compose.shapes.description import Description, Group, Relation
from lightning_compose.shapes.questions import KINDS, answer, answer_from, ask
from lightning_compose.shapes.scenes import Background, Object, Scene

SCENE = Scene(
    Background("meadow"),
    (
        Object("ring", "red", "striped", 0.2, 0.5, 0.3),
        Object("heart", "blue", "plain", 0.7, 0.5, 0.3),
        Object("heart", "blue", "dotted", 0.7, 0.85, 0.25),
    ),
)
DESCRIPTION = Description(
    (Group("ring", (0,), "red", "striped"), Group("heart", (1, 2), "blue", counted=True)),
    (Relation("left of", 0, 1),),
    "meadow",
)


def test_questions_of_a_description():
    questions = ask(DESCRIPTION)
    assert [each.question for each in questions] == [
        "Is there a ring?",
        "Are there hearts?",
        "Is the ring red?",
        "Is the ring striped?",
        "Are the hearts blue?",
        "How many hearts are there?",
        "Is the ring to the left of the heart?",
        "Is this in a meadow?",
    ]
    assert [each.depends_on for each in questions] == [(), (), (0,), (0,), (1,), (1,), (0, 1), ()]
    assert questions[5].answer == "2"


@pytest.mark.parametrize(
    ("kind", "arguments", "expected"),
    [
        ("entity", ("ring",), "yes"),
        ("entity", ("circle",), "no"),
        ("attribute", ("ring", "color", "red"), "yes"),
        ("attribute", ("ring", "color", "blue"), "no"),
        ("attribute", ("heart", "color", "blue"), "yes"),
        ("attribute", ("heart", "texture", "plain"), "no"),
        ("attribute", ("circle", "color", "red"), "no"),
        ("count", ("heart",), "2"),
        ("count", ("circle",), "0"),
        ("relation", ("ring", "left of", "heart"), "yes"),
        ("relation", ("heart", "left of", "ring"), "no"),
        ("relation", ("heart", "left of", "circle"), "no"),
        ("scene", ("meadow",), "yes"),
        ("scene", ("night sky",), "no"),
    ],
)
def test_a_scene_answers(kind, arguments, expected):
    assert answer(SCENE, Question(0, "", "", kind, arguments)) == expected


def test_any_knowledge_of_an_image_answers():
    asked = []

    def related(name, first, second):
        asked.append((name, first, second))
        return (first, second) == (0, 2)

    question = Question(0, "", "", "relation", ("ring", "above", "heart"))
    assert answer_from(SCENE.objects, None, related, question) == "yes"
    assert asked == [("above", 0, 1), ("above", 0, 2)]
    assert answer_from((), None, related, Question(0, "", "", "scene", ("meadow",))) == "no"


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="entity"):
        answer(SCENE, Question(0, "", "", "mood", ("ring",)))


def test_each_scene_answers_its_own_questions_rightly(train_pairs, held_out_pairs):
    for pair in train_pairs + held_out_pairs:
        for scene, description in (
            (pair.positive, pair.description),
            (pair.negative, pair.negative_description),
        ):
            assert all(answer(scene, each) == each.answer for each in ask(description)), pair


def test_the_negative_answers_one_question_wrongly_at_least(train_pairs, held_out_pairs):
    for pair in train_pairs + held_out_pairs:
        assert any(answer(pair.negative, each) != each.answer for each in ask(pair.description)), pair


def test_questions_depend_on_entities_asked_before(some_pairs):
    for pair in some_pairs:
        questions = ask(pair.description)
        assert [each.id for each in questions] == list(range(len(questions)))
        for each in questions:
            assert each.kind in KINDS
            assert (each.kind in ("entity", "scene")) == (not each.depends_on)
            assert all(questions[parent].kind == "entity" and parent < each.id for parent in each.depends_on)
            parents = {questions[parent].arguments[0] for parent in each.depends_on}
            assert parents <= set(each.arguments)
