"""Queues: an order and sides of each annotator's own, the same after a restart; nothing is voted on unseen."""

import pytest
from made_pairs import made_pairs

from lightning_compose.prepare.review.pairs import Pair
from lightning_compose.prepare.review.queue import Queue, Queues
from lightning_compose.prepare.review.votes import read


def queue(folder, annotator="anna", count=6, seed=0):
    return Queue(with_negatives(count), folder, annotator, seed)


def with_negatives(count):
    return [
        Pair(each.key, each.identity, each.caption, each.positive, "other", each.positive) for each in made_pairs(count)
    ]


def shown(queue):
    """All pairs in the order of an annotator, who answers yes to each."""
    found = []
    while (pair := queue.current()) is not None:
        found.append((pair.key, queue.left(pair)))
        queue.vote(pair.key, "yes")
    return found


def test_order_and_sides_are_the_annotators_own_and_survive_a_restart(tmp_path):
    first = shown(queue(tmp_path / "1", count=40))
    assert sorted(key for key, _ in first) == sorted(pair.key for pair in made_pairs(40))
    assert shown(queue(tmp_path / "2", count=40)) == first
    other = shown(queue(tmp_path / "3", "bob", count=40))
    assert [key for key, _ in other] != [key for key, _ in first]
    assert dict(other) != dict(first)
    assert dict(shown(queue(tmp_path / "4", count=40, seed=1))) != dict(first)


def test_the_sides_tell_nothing():
    pairs = with_negatives(400)
    sides = [Queue(pairs, None, "anna", 0).left(pair) for pair in pairs]
    assert 160 < sides.count("positive") < 240


def test_a_vote_keeps_what_was_seen(tmp_path):
    anna = queue(tmp_path)
    pair = anna.current()
    anna.vote(pair.key, "no")
    (vote,) = read(tmp_path, "anna")
    assert (vote.key, vote.pair, vote.answer, vote.left) == (pair.key, pair.identity, "no", anna.left(pair))


def test_it_goes_on_where_it_was_left(tmp_path):
    whole = [key for key, _ in shown(queue(tmp_path / "whole"))]
    anna = queue(tmp_path / "left")
    for key in whole[:3]:
        anna.vote(key, "yes")
    again = queue(tmp_path / "left")
    assert (again.done(), again.current().key) == (3, whole[3])


def test_a_key_that_is_pressed_twice_votes_once(tmp_path):
    anna = queue(tmp_path)
    key = anna.current().key
    anna.vote(key, "yes")
    anna.vote(key, "yes")
    anna.vote("unknown", "yes")
    anna.vote("", "yes")
    assert anna.done() == 1


def test_undo_goes_back_vote_by_vote_also_after_a_restart(tmp_path):
    anna = queue(tmp_path)
    keys = [key for key, _ in shown(anna)]
    assert anna.current() is None
    again = queue(tmp_path)
    again.undo("")
    assert again.current().key == keys[-1]
    again.undo("")
    assert again.done() == 5, "the page that was undone from is an old one"
    again.undo(keys[-1])
    assert again.current().key == keys[-2]
    again.vote(keys[-2], "skip")
    assert again.current().key == keys[-1]


def test_undo_of_nothing_is_nothing(tmp_path):
    anna = queue(tmp_path)
    anna.undo(anna.current().key)
    assert not list(tmp_path.iterdir())


def test_annotators_have_one_queue_each(tmp_path):
    queues = Queues(with_negatives(3), tmp_path, 0)
    assert queues.of(" Anna") is queues.of("anna")
    queues.of("anna").vote(queues.of("anna").current().key, "yes")
    assert (queues.of("anna").done(), queues.of("bob").done()) == (1, 0)
    with pytest.raises(ValueError, match="Expected a name"):
        queues.of("../anna")


def test_a_positive_alone_is_on_the_left(tmp_path):
    pairs = made_pairs(8)
    assert {Queue(pairs, tmp_path, "anna", 0).left(pair) for pair in pairs} == {"positive"}
