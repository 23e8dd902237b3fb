"""The judge's choice beside the score's, and what is concluded from the truth."""

import pytest

from lightning_compose.data.schema import Question
from lightning_compose.prepare.report.account import Account, Tally
from lightning_compose.prepare.report.choices import Agreement, agreement, conclusion, differing
from lightning_compose.prepare.rows import Judged, VerifiedRow

QUESTIONS = (Question(0, "Is there a ring?", "yes", "entity", ("ring",)),)
NONE = Tally(0, 0)


def verified(key, *candidates, chosen=None, rewritten=False, questions=QUESTIONS):
    judged = tuple(Judged("", 0, (), alignment, alignment == 1, score) for alignment, score in candidates)
    return VerifiedRow(key, "", questions, judged, chosen, rewritten, None, {})


ROWS = [
    verified("same", (1.0, 0.9), (0.5, 0.1), chosen=0),
    verified("other", (1.0, 0.1), (0.5, 0.9), chosen=0),
    verified("none", (0.5, 0.9)),
    verified("corrected", (1.0, 0.1), (0.5, 0.9), chosen=0, rewritten=True),
    verified("silent"),
    verified("captioned", (1.0, 0.3), chosen=0, questions=()),
]


def test_choices_are_compared_where_the_judge_saw_the_prompts_own_words():
    assert agreement(ROWS) == Agreement(3, 2, 1, 1.0, 0.75, 1)
    assert [row.key for row in differing(ROWS)] == ["other"]


def test_nothing_to_compare():
    assert agreement([]) == Agreement(0, 0, 0, None, None, 0)


@pytest.mark.parametrize(
    ("judged", "scored", "told"),
    [
        (
            Tally(9, 10),
            Tally(5, 10),
            "worth having: 9 of 10 (90.0%) of the kept positives match their captions; by the",
        ),
        (Tally(5, 10), Tally(5, 10), "makes no difference here"),
        (Tally(4, 10), Tally(5, 10), "do harm here"),
        (NONE, NONE, "there is nothing to compare"),
    ],
)
def test_it_is_said_whether_the_judge_helps(judged, scored, told):
    assert told in conclusion(Account(judged, NONE, scored, Tally(6, 12), NONE, NONE, NONE))
