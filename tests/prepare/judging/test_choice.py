"""Which candidate is kept, by hand."""

from lightning_compose.prepare.judging.choice import best_score, best_success, nearest, nearest_violating, nearly_right
from lightning_compose.prepare.rows import Judged, NegativeJudged


def judged(score, success=False, alignment=0.0):
    return Judged("a.webp", 0, (), alignment, success, score)


def negative(similarity, violates, shows_own=None):
    return NegativeJudged("a.webp", 0, (), violates, similarity, shows_own=shows_own)


def test_the_best_score_among_successes_is_kept():
    candidates = [judged(30.0), judged(20.0, True), judged(25.0, True), judged(25.0, True)]
    assert best_success(candidates) == 2
    assert best_score(candidates) == 0


def test_nothing_is_kept_without_a_success():
    assert best_success([judged(30.0), judged(20.0)]) is None
    assert best_success([]) is None
    assert best_score([judged(0.0)]) == 0


def test_nearly_right_is_by_answers_and_then_by_score():
    candidates = [judged(9.0, alignment=0.5), judged(1.0, alignment=0.75), judged(2.0, alignment=0.75)]
    assert nearly_right(candidates) == 2
    assert nearly_right([judged(1.0), judged(1.0)]) == 0


def test_the_most_similar_of_the_violating_is_kept():
    candidates = [negative(0.99, False), negative(-0.5, True), negative(0.8, True), negative(0.8, True)]
    assert [nearest_violating(candidates, each) for each in (True, False)] == [2, 2]
    assert nearest(candidates) == 0
    assert nearest_violating([negative(0.99, False)], True) is None
    assert nearest([]) is None


def test_of_the_violating_those_that_show_their_own_caption_are_kept():
    candidates = [negative(0.9, True, False), negative(0.8, False, True), negative(0.7, True, True)]
    assert [nearest_violating(candidates, each) for each in (True, False)] == [2, 0]
    assert nearest_violating(candidates[:2], True) is None
