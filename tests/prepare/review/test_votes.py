"""Votes: kept as soon as they are given, mended where a kill has cut one, of a name that is no path."""

import json
import os
import signal
import subprocess
import sys

import pytest

from lightning_compose.prepare.review.votes import Vote, annotator_name, annotators, append, read, standing

# It is killed where it would answer the annotator.
KILLED = """
import sys, os, signal, pathlib
from lightning_compose.prepare.review.votes import Vote, append
for key in "abc":
    append(pathlib.Path(sys.argv[1]), [Vote(key, "1", "anna", "yes", "negative")])
os.kill(os.getpid(), signal.SIGKILL)
"""


def vote(key, answer="yes", annotator="anna"):
    return Vote(key, "1", annotator, answer, "positive")


def test_votes_come_back_in_their_order(tmp_path):
    append(tmp_path / "new", [vote("b"), vote("a/..", "no")])
    append(tmp_path / "new", [vote("c", "skip")])
    append(tmp_path / "new", [vote("a", annotator="bob")])
    append(tmp_path / "new", [])
    assert read(tmp_path / "new", "anna") == [vote("b"), vote("a/..", "no"), vote("c", "skip")]
    assert annotators(tmp_path / "new") == ["anna", "bob"]
    assert read(tmp_path / "new", "nobody") == []


def test_a_killed_process_has_kept_every_vote(tmp_path):
    died = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)])
    assert died.returncode == -signal.SIGKILL
    assert [each.key for each in read(tmp_path, "anna")] == ["a", "b", "c"]


def test_votes_are_on_the_disk_before_anybody_is_told(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    append(tmp_path, [vote("a")])
    append(tmp_path, [vote("b")])
    assert len(flushed) == 3, "the file twice, and the folder with its new name once"


@pytest.mark.parametrize("kept", [1, 30, -1])
def test_a_torn_last_line_is_left_out_and_then_cut_off(tmp_path, kept):
    append(tmp_path, [vote("a"), vote("b")])
    file = tmp_path / "anna.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    torn = lines[1][: kept if kept > 0 else -3]
    file.write_bytes(lines[0] + torn)
    assert read(tmp_path, "anna") == [vote("a")]
    append(tmp_path, [vote("c")])
    assert read(tmp_path, "anna") == [vote("a"), vote("c")]
    assert torn not in file.read_bytes().splitlines()


def test_a_whole_last_line_without_its_end_is_kept(tmp_path):
    append(tmp_path, [vote("a"), vote("b")])
    file = tmp_path / "anna.jsonl"
    file.write_bytes(file.read_bytes().removesuffix(b"\n"))
    assert read(tmp_path, "anna") == [vote("a"), vote("b")]
    append(tmp_path, [vote("c")])
    assert [json.loads(line)["key"] for line in file.read_text().splitlines()] == ["a", "b", "c"]


def test_a_broken_line_in_the_middle_is_no_kill_but_a_mistake(tmp_path):
    append(tmp_path, [vote("a")])
    file = tmp_path / "anna.jsonl"
    file.write_text("{}\n" + file.read_text())
    with pytest.raises(ValueError, match="line 1, to be a Vote"):
        read(tmp_path, "anna")


def test_the_last_vote_counts_and_an_undone_one_does_not():
    identities = dict.fromkeys("abcd", "1")
    votes = [vote("a"), vote("b"), vote("c"), vote("a", "no"), vote("c", "undo")]
    found = standing(votes, identities)
    assert [(key, each.answer) for key, each in found.items()] == [("b", "yes"), ("a", "no")]


def test_votes_on_what_is_there_no_more_do_not_count():
    assert set(standing([vote("a"), vote("b"), vote("c")], {"a": "1", "b": "other"})) == {"a"}


@pytest.mark.parametrize(
    "name", ["", "  ", "..", "../x", "a/b", "a\\b", ".hidden", "a" * 65, "a\nx", "\u0430nna", "a b"]
)
def test_a_name_is_never_a_path(tmp_path, name):
    with pytest.raises(ValueError, match="Expected a name of at most 64 letters"):
        append(tmp_path, [vote("a", annotator=name)])
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_the_same_however_it_is_typed():
    assert annotator_name(" Anna@Example.org ") == "anna@example.org"
