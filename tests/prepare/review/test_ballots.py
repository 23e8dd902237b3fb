"""Ballots: which votes count, and what most annotators say."""

import pytest
from made_pairs import made_pairs

from lightning_compose.prepare.review.ballots import majority, on, read_ballots
from lightning_compose.prepare.review.votes import Vote, append


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        (["yes", "yes", "no"], "yes"),
        (["no", "yes", "no"], "no"),
        (["no"], "no"),
        (["yes", "no"], "tie"),
        (["yes", "no", "skip"], "tie"),
        (["no", "skip", "skip"], "no"),
        (["skip", "skip"], None),
        ([], None),
    ],
)
def test_the_majority_is_of_those_who_say_something(answers, verdict):
    assert majority(answers) == verdict


def test_what_counts_is_read_from_the_disk(tmp_path):
    pairs = made_pairs(2)
    append(tmp_path, [Vote(each.key, each.identity, "anna", "yes", "positive") for each in pairs])
    append(tmp_path, [Vote("pair-0", "identity of before", "bob", "no", "negative")])
    append(tmp_path, [Vote("pair-1", "identity-1", "bob", "no", "negative")])
    ballots = read_ballots(tmp_path, pairs)
    assert ballots == {"anna": {"pair-0": "yes", "pair-1": "yes"}, "bob": {"pair-1": "no"}}
    assert on(ballots, "pair-0") == {"anna": "yes"}
    assert read_ballots(tmp_path / "none", pairs) == {}
