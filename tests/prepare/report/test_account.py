"""What was kept against what is so, by hand."""

import dataclasses

import pytest
from made_report import RedTruth
from PIL import Image

from lightning_compose.data.schema import Question
from lightning_compose.prepare.report.account import Tally, tell_truth
from lightning_compose.prepare.rows import Judged, NegativeJudged, NegativesRow, VerifiedRow

QUESTIONS = (Question(0, "Is it red?", "yes", "attribute", ("it", "red")),)


def open_image(path):
    """An image of the colour that the path names."""
    return Image.new("RGB", (2, 2), path)


def verified(key, *candidates, chosen=None, rewritten=False):
    judged = tuple(Judged(color, 0, (), 1.0, True, score) for color, score in candidates)
    return VerifiedRow(key, "It is red", QUESTIONS, judged, chosen, rewritten, None, {})


def negatives(key, *candidates, chosen=None, own=()):
    judged = tuple(NegativeJudged(color, 0, (), True, similarity) for color, similarity in candidates)
    return NegativesRow(key, "It is blue", judged, chosen, "generated", None, {}, own)


@pytest.fixture(scope="module")
def account():
    positives = [
        verified("a", ("red", 1.0), ("blue", 2.0), chosen=0),  # the judge is right, the score is not
        verified("b", ("blue", 2.0), ("red", 1.0), chosen=0),  # neither is
        verified("c", ("red", 2.0), ("blue", 1.0)),  # the judge threw a good one away
        verified("d", ("red", 2.0), chosen=0, rewritten=True),
    ]
    found = [
        negatives("a", ("red", 0.9), ("blue", 0.5), chosen=1),
        negatives("b", ("red", 0.9), ("blue", 0.5), chosen=0, own=QUESTIONS),
        negatives("d", ("blue", 0.9)),
        negatives("unknown", ("blue", 0.9), chosen=0),
    ]
    return tell_truth(positives, found, open_image, RedTruth())


def test_positives(account):
    assert account.positives == Tally(1, 2)
    assert account.positives_rewritten == Tally(1, 1)
    assert account.positives_by_score == Tally(0, 2)
    assert account.all_by_score == Tally(1, 3)


def test_negatives(account):
    assert account.negatives == Tally(1, 2)
    assert account.negatives_shown == Tally(1, 1)
    assert account.negatives_by_similarity == Tally(0, 2)


def test_shares(account):
    assert account.positives.share == 0.5
    nothing = tell_truth([], [], open_image, RedTruth())
    assert all(getattr(nothing, each.name) == Tally(0, 0) for each in dataclasses.fields(nothing))
    assert nothing.positives.share is None
