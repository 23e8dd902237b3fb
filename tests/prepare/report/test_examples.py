"""Single prompts: which image stands for them, and what is said of it."""

import pytest
from PIL import Image

from lightning_compose.data.schema import Question
from lightning_compose.prepare.report import examples as module
from lightning_compose.prepare.report.examples import Examples
from lightning_compose.prepare.report.interviews import interview_list
from lightning_compose.prepare.result import Result
from lightning_compose.prepare.rows import Judged, NegativeJudged, NegativesRow, PromptRow, VerifiedRow

QUESTIONS = (
    Question(0, "Is there a ring?", "yes", "entity", ("ring",)),
    Question(1, "Is it red?", "yes", "attribute", ("ring", "red"), (0,)),
)


@pytest.fixture
def opened(monkeypatch):
    """The paths of the images that were shown."""
    paths = []
    monkeypatch.setattr(module, "thumbnail", lambda path, what: paths.append(path) or "")
    return paths


def result(candidates, chosen, negatives):
    judged = tuple(Judged(name, 0, ("yes", "no"), alignment, False, score) for name, alignment, score in candidates)
    verified = VerifiedRow("a", "A red ring", QUESTIONS, judged, chosen, False, None, {})
    found = tuple(NegativeJudged(name, 0, ("yes", "no"), violates, close) for name, violates, close in negatives)
    opposed = NegativesRow("a", "A blue ring", found, None, "generated", None, {}) if negatives else None
    return Result("a", PromptRow("a", "", "", "color", "single", "", 0), verified, opposed)


@pytest.mark.parametrize(
    ("candidates", "chosen", "negatives", "shown"),
    [
        ([("worse", 0.0, 0.9), ("nearly", 0.5, 0.1)], None, [], ["nearly"]),
        ([("kept", 1.0, 0.9)], 0, [("like it", False, 0.9), ("violates", True, 0.5)], ["kept", "violates"]),
        ([("kept", 1.0, 0.9)], 0, [("unlike", False, 0.1), ("like it", False, 0.9)], ["kept", "like it"]),
        ([("kept", 1.0, 0.9)], 0, [], ["kept"]),
        ([], None, [], []),
    ],
)
def test_the_image_that_came_nearest_is_shown(opened, candidates, chosen, negatives, shown):
    Examples(1, 0, lambda path: path).of_left_out([("why", result(candidates, chosen, negatives))])
    assert opened == shown


def test_as_many_are_shown_as_asked_for_and_the_same_ones_again(opened):
    rows = [("why", result([(str(number), 1.0, 0.9)], 0, [])) for number in range(20)]
    for _ in range(2):
        Examples(3, 0, lambda path: path).of_left_out(rows)
    assert len(opened) == 6
    assert opened[:3] == opened[3:] == sorted(opened[:3], key=int)


def test_wrong_answers_are_red_and_questions_that_were_not_asked_are_told():
    html = interview_list(QUESTIONS, ("no", ""))
    assert 'Is there a ring? <span class="wrong">no</span>, expected yes' in html
    assert '<li class="unasked">Is it red? not asked</li>' in html
    assert interview_list((), ()) == ""


def test_an_image_is_opened_by_its_path_in_the_workspace():
    html = Examples(1, 0, lambda path: Image.new("RGB", (2, 2))).of_left_out([("why", result([("a", 1, 1)], 0, []))])
    assert "data:image/webp" in html
