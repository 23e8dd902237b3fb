import json
from threading import Barrier

import pytest

from lightning_compose.data.schema import Question
from lightning_compose.prepare.models.writer import Draft, Order, Writer
from lightning_compose.prepare.prompts.answers import Answers

ORDERS = [Order("color", "single", 1, seed, ("A red cup.",)) for seed in range(3)]
QUESTION = Question(0, "Is there a cup?", "yes", "entity", ("cup",))


class Counting(Writer):
    name = "counting"

    def __init__(self, fails_at=None, together=1):
        self.counts = {"calls": 0}
        self.fails_at = fails_at
        self.together = Barrier(together)

    def write(self, order):
        self.together.wait(timeout=20)
        if order.seed == self.fails_at:
            raise RuntimeError("the server is gone")
        self.counts["calls"] += 1
        return [Draft(f"Cup {order.seed}.", "A hat.", (QUESTION,), {"index": order.seed})]


def collect(folder, writer, parallel=1, orders=ORDERS):
    return list(Answers(folder, writer, parallel).to(orders, 5))


def test_answers_come_in_order_and_are_found_again(tmp_path):
    first = collect(tmp_path, Counting())
    assert [answered.key for answered, _ in first] == ["000005", "000006", "000007"]
    assert [answered.drafts[0].source for answered, _ in first] == [{"index": 0}, {"index": 1}, {"index": 2}]
    writer = Counting()
    assert collect(tmp_path, writer) == [(answered, True) for answered, _ in first]
    assert writer.counts["calls"] == 0


def test_each_answer_tells_what_happened_since_the_one_before(tmp_path):
    assert [answered.counts for answered, _ in collect(tmp_path, Counting())] == [{"calls": 1}] * 3


def test_what_came_before_an_error_is_kept(tmp_path):
    with pytest.raises(RuntimeError, match="the server is gone"):
        collect(tmp_path, Counting(fails_at=2))
    assert [was_there for _, was_there in collect(tmp_path, Counting())] == [True, True, False]


def test_orders_are_out_at_the_same_time(tmp_path):
    answers = collect(tmp_path, Counting(together=3), parallel=3)
    assert [answered.drafts[0].prompt for answered, _ in answers] == ["Cup 0.", "Cup 1.", "Cup 2."]


def test_an_answer_to_another_order_is_refused(tmp_path):
    collect(tmp_path, Counting())
    with pytest.raises(ValueError, match=r"000005\.jsonl' to answer the order"):
        collect(tmp_path, Counting(), orders=[Order("color", "single", 1, 99)])


def test_a_damaged_answer_is_named(tmp_path):
    collect(tmp_path, Counting())
    (tmp_path / "000006.jsonl").write_text(json.dumps({"key": "000006"}))
    with pytest.raises(ValueError, match=r"000006\.jsonl"):
        collect(tmp_path, Counting())
