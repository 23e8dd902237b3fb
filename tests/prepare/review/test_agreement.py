"""Agreement: alpha as the textbook and as a literal count have it, and the pairs on which annotators disagree."""

import math
from itertools import permutations

import krippendorff
import numpy as np
import pytest
from made_pairs import made_pairs

from lightning_compose.prepare.review.agreement import agreement, alpha, summary
from lightning_compose.seeding import generator

# Krippendorff (2011), section A, nominal and binary: two observers, ten units, alpha 0.095.
TEXTBOOK = {"meg": "0100000010", "owen": "1110010000"}


def ballots(rows):
    """Answers from rows of 0, 1, and - for a skipped pair or . for one that was not voted on."""
    names = {"0": "no", "1": "yes", "-": "skip"}
    return {
        name: {str(number): names[each] for number, each in enumerate(row) if each != "."} for name, row in rows.items()
    }


def alpha_of(rows):
    return alpha(ballots(rows), [str(number) for number in range(len(next(iter(rows.values()), "")))])


def counted_alpha(rows):
    """By the definition: every ordered pair of values in a unit, against every ordered pair of values at all."""
    units = [[each for each in unit if each in "01"] for unit in zip(*rows.values(), strict=True)]
    units = [unit for unit in units if len(unit) > 1]
    values = [each for unit in units for each in unit]
    observed = sum(sum(a != b for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in units) / len(values)
    expected = sum(a != b for a, b in permutations(values, 2)) / (len(values) * (len(values) - 1))
    return 1 - observed / expected


def test_alpha_is_that_of_the_textbook():
    # By hand: 4 of the 10 units differ; among the 20 values are 14 zeros and 6 ones.
    assert alpha_of(TEXTBOOK) == pytest.approx(1 - (20 - 1) * 4 / (14 * 6))
    assert round(alpha_of(TEXTBOOK), 3) == 0.095


def test_alpha_by_hand_where_votes_are_missing():
    # Units: 11, 0 and a skip, 010, 11; what nobody else voted on does not count. Observed: (0 + 4 / 2 + 0) / 7,
    # expected: 2 * 2 * 5 / (7 * 6).
    rows = {"anna": "1001", "bob": "1-1.", "cleo": "..01"}
    assert alpha_of(rows) == pytest.approx(1 - (2 / 7) / (2 * 2 * 5 / 42))


@pytest.mark.parametrize("seed", range(5))
def test_alpha_is_the_literal_count_and_the_package_s(seed):
    draw = generator(seed, "votes")
    rows = {name: "".join(draw.choice(list("0011-."), 30)) for name in "abcd"}
    values = [[{"0": 0, "1": 1}.get(each, math.nan) for each in row] for row in rows.values()]
    assert alpha_of(rows) == pytest.approx(counted_alpha(rows))
    assert alpha_of(rows) == pytest.approx(krippendorff.alpha(np.array(values), level_of_measurement="nominal"))


@pytest.mark.parametrize(
    "rows", [{}, {"anna": "0101"}, {"anna": "01..", "bob": "..01"}, {"anna": "1110", "bob": "111-"}, {"anna": "----"}]
)
def test_alpha_is_undefined_where_nothing_can_be_compared(rows):
    assert alpha_of(rows) is None


def test_alpha_is_one_where_all_agree():
    assert alpha_of({"anna": "0110", "bob": "011-"}) == pytest.approx(1)


def test_disagreements_are_listed_with_their_votes():
    votes = {"anna": {"pair-0": "yes", "pair-1": "yes", "pair-2": "skip"}, "bob": {"pair-0": "no", "pair-2": "no"}}
    found = agreement(votes | {"cleo": {"pair-0": "no"}}, made_pairs(4))
    assert found["annotators"] == {"anna": {"skip": 1, "yes": 2}, "bob": {"no": 2}, "cleo": {"no": 1}}
    assert found["majority"] == {"no": 2, "nobody": 1, "yes": 1}
    (disagreement,) = found["disagreements"]
    assert disagreement == {
        "key": "pair-0",
        "caption": "caption 0",
        "votes": {"anna": "yes", "bob": "no", "cleo": "no"},
        "majority": "no",
    }
    told = summary(found)
    assert "anna: 1 skip, 2 yes" in told
    assert "pair-0 (anna yes, bob no, cleo no): caption 0" in told


def test_a_long_list_is_cut_on_the_terminal():
    pairs = made_pairs(25)
    votes = {name: {pair.key: name for pair in pairs} for name in ("yes", "no")}
    told = summary(agreement(votes, pairs))
    assert "Disagreements: 25" in told
    assert told.endswith("and 5 more")
    assert "Krippendorff's alpha: -0.960" in told


def test_nobody_voted():
    assert summary(agreement({}, made_pairs(2))).splitlines()[0] == "Nobody voted yet."
