"""Votes filter `pack`: what most annotators reject is left out and counted."""

import json
import shutil

import pytest
from made_pairs import made_workspace

from lightning_compose.data.shards import ShardSet
from lightning_compose.prepare.pack import pack, read_results
from lightning_compose.prepare.review.pairs import pairs
from lightning_compose.prepare.review.settings import ReviewSettings
from lightning_compose.prepare.review.votes import Vote, append
from lightning_compose.prepare.settings import Settings

LEAVE_OUT = Settings(review=ReviewSettings(without_majority="leave_out"))
# Of four pairs: kept, rejected, a tie, and one that nobody looked at.
ANSWERS = {"anna": ("yes", "no", "yes"), "bob": ("yes", "no", "no"), "cleo": ("no", "skip", "skip")}


@pytest.fixture
def workspace(tmp_path):
    return made_workspace(tmp_path / "w")


def vote(workspace):
    shown = pairs(read_results(workspace), False, workspace)
    for name, answers in ANSWERS.items():
        votes = [
            Vote(pair.key, pair.identity, name, answer, "positive")
            for pair, answer in zip(shown[:3], answers, strict=True)
        ]
        append(workspace.folder("review") / "votes", votes)


def packed(workspace):
    shards = ShardSet(workspace.shards)
    return {shards.read(row).annotation.source["key"][-1] for row in range(len(shards))}


def left_out(workspace):
    return json.loads((workspace.folder("pack") / "counts.json").read_text())["left_out"]


def test_without_votes_all_is_as_without_a_review(workspace):
    pack(LEAVE_OUT, workspace)
    assert packed(workspace) == set("0123")


def test_what_most_reject_is_left_out(workspace):
    vote(workspace)
    pack(Settings(), workspace)
    assert packed(workspace) == set("023")
    assert left_out(workspace) == {"rejected_in_review": 1}


def test_ties_and_what_nobody_saw_are_left_out_by_a_setting(workspace):
    vote(workspace)
    pack(LEAVE_OUT, workspace)
    assert packed(workspace) == {"0"}
    assert left_out(workspace) == {"rejected_in_review": 1, "undecided_in_review": 2}


def test_votes_after_packing_are_told_and_the_shards_made_anew_without_the_old_record(workspace):
    pack(Settings(), workspace)
    vote(workspace)
    with pytest.raises(
        ValueError, match=r"got review '1 left out \(\w{8}\)' instead of '0 left out .* remove '.*pack'"
    ):
        pack(Settings(), workspace)
    shutil.rmtree(workspace.folder("pack"))
    pack(Settings(), workspace)
    assert packed(workspace) == set("023")


def test_votes_on_images_of_before_do_not_count(workspace):
    vote(workspace)
    block = workspace.folder("negatives") / "blocks/000000.jsonl"
    block.write_text(block.read_text().replace('"seed": 1,', '"seed": 1001,'))
    pack(Settings(), workspace)
    assert packed(workspace) == set("0123")
