"""Who is asked what, and when."""

from PIL import Image

from lightning_compose.data.schema import Question
from lightning_compose.prepare.judging.interview import interview
from lightning_compose.prepare.models.answerer import Answerer

QUESTIONS = (
    Question(0, "ring?", "yes", "entity", ("ring",)),
    Question(1, "red?", "yes", "attribute", ("ring", "red"), (0,)),
    Question(2, "plain?", "yes", "attribute", ("ring", "plain"), (1,)),
)


class Scripted(Answerer):
    """Answers by key and question, and remembers its calls."""

    name = "scripted"

    def __init__(self, wrong):
        self.wrong = wrong
        self.calls = []

    def answer(self, images, questions, keys):
        self.calls.append([(key, each.question) for key, asked in zip(keys, questions, strict=True) for each in asked])
        assert [image.size[0] for image in images] == [int(key) for key in keys]
        return [
            tuple("no" if (key, q.id) in self.wrong else "yes" for q in asked)
            for key, asked in zip(keys, questions, strict=True)
        ]


def images(*widths):
    return [Image.new("RGB", (width, 1)) for width in widths]


def test_children_of_wrong_answers_are_not_asked():
    answerer = Scripted({("1", 0), ("3", 1)})
    answers = interview(answerer, images(1, 2, 3), [QUESTIONS] * 3, ["1", "2", "3"])
    assert answers == [("no", "", ""), ("yes", "yes", "yes"), ("yes", "no", "")]
    assert answerer.calls == [
        [("1", "ring?"), ("2", "ring?"), ("3", "ring?")],
        [("2", "red?"), ("3", "red?")],
        [("2", "plain?")],
    ]


def test_each_image_has_its_own_questions():
    answerer = Scripted(set())
    assert interview(answerer, images(1, 2), [QUESTIONS[:1], QUESTIONS[:2]], ["1", "2"]) == [("yes",), ("yes", "yes")]
    assert interview(answerer, [], [], []) == []
