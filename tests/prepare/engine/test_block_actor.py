"""A worker's errors are told, and a block that kills its workers is given up."""

import pickle
import sys

import pytest
from made_prompts import prompt_row

from lightning_compose.prepare.engine.attempts import Attempts
from lightning_compose.prepare.engine.block_actor import MAX_ATTEMPTS, BlockActor, BlockTask
from lightning_compose.prepare.engine.blocks import cut
from lightning_compose.prepare.rows import CandidatesRow

(BLOCK,) = cut([prompt_row("a")], 1)
ITEM = {"block": pickle.dumps(BLOCK)}


class Echo:
    def __init__(self, error=None):
        self.error = error

    def block(self, rows, images):
        if self.error is not None:
            raise self.error
        return [CandidatesRow(row.key, (), (), "plain") for row in rows]


@pytest.fixture
def actor(tmp_path):
    return lambda **arguments: BlockActor(BlockTask(Echo, arguments, tmp_path, 1, "run"), [])


def test_a_block_is_made(actor, tmp_path):
    assert actor()(ITEM) == {"block": "000000", "rows": 1, "error": "", "traceback": ""}
    assert BLOCK.file(tmp_path).is_file()
    assert list((tmp_path / "attempts").iterdir()) == []


@pytest.mark.parametrize("arguments", [{"error": ValueError("Expected more.")}, {"unknown": 1}])
def test_an_error_is_a_value(actor, tmp_path, arguments):
    outcome = actor(**arguments)(ITEM)
    assert outcome["error"].startswith(("ValueError: Expected more.", "TypeError: Echo.__init__() got an unexpected"))
    assert "Traceback" in outcome["traceback"]
    assert not BLOCK.file(tmp_path).exists()


def test_a_block_that_kills_its_workers_is_given_up(actor, tmp_path):
    for _ in range(MAX_ATTEMPTS):
        Attempts(tmp_path, BLOCK.name, "run").begin()
    assert "got 3 that died of it" in actor()(ITEM)["error"]
    assert actor()(ITEM)["error"] == "", "another run tries it again"


def test_workers_that_another_run_lost_do_not_count(actor, tmp_path):
    for _ in range(MAX_ATTEMPTS):
        Attempts(tmp_path, BLOCK.name, "earlier").begin()
    assert actor()(ITEM)["error"] == ""


def test_modules_beside_the_command_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    BlockActor(BlockTask(Echo, {}, tmp_path, 1, "run"), [str(tmp_path)])
    assert sys.path[-1] == str(tmp_path)
