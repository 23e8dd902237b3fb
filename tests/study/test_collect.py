"""The tables: what goes into them, and that they are read back as what they were."""

import dataclasses
import hashlib
import json

import pytest
from study_configs import STANDIN, TUNING, make_study

from lightning_compose.evaluation.scores import read_scores
from lightning_compose.study import processes, provenance, runs
from lightning_compose.study.collect import collect
from lightning_compose.study.execute import Execution
from lightning_compose.study.logged import evaluations
from lightning_compose.study.runs import plan
from lightning_compose.study.settings import Evidence
from lightning_compose.study.tables import read_tables
from lightning_compose.study.tuning import all_tries

COMMANDS = ["python -m lightning_compose study"]


@pytest.fixture
def done(tmp_path, monkeypatch):
    """A study, its runs of which the first three are done, and its folder."""
    monkeypatch.setattr(runs, "PROGRAM", STANDIN)
    monkeypatch.setattr(processes, "POLL_S", 0.02)
    study = make_study(tmp_path / "configs", TUNING)
    planned = plan(study, tmp_path / "out", {"plain": {}, "token": {}}, 60.0)
    Execution(study, None).execute(planned[:3])
    return study, planned, tmp_path / "out"


def test_tables_hold_what_the_runs_that_are_done_left(done):
    study, planned, out = done
    read = read_tables(collect(study, planned, out, COMMANDS))
    assert list(read.runs) == [each for run in planned[:3] for each in evaluations(run)]
    scores = read_scores(out / "token/0/evaluation/000003/scores.csv")
    found = [each for each in read.scores if (each.arm, each.step) == ("token", 3)]
    assert [(each.index, each.category, each.split, each.correct, each.found, each.objects) for each in found] == [
        (each.index, each.category, each.split, each.correct, each.found, each.objects) for each in scores
    ]


def test_what_the_runs_read_is_told_by_its_hash(done):
    study, planned, out = done
    (out.parent / "configs/test.jsonl").write_text("a prompt")
    told = json.loads((collect(study, planned, out, COMMANDS) / "study.json").read_text())
    assert told["content"] == {"evaluation.prompts": hashlib.sha256(b"a prompt").hexdigest()}


def test_the_lives_of_the_tries_that_are_done_are_told(done):
    study, planned, out = done
    first = all_tries(study, out)[0]
    Execution(study, None).execute([first])
    told = json.loads((collect(study, planned, out, COMMANDS) / "study.json").read_text())
    assert list(told["lives_of_tries"]) == [first.name]
    assert told["lives_of_tries"][first.name][0]["began"] >= max(life[0]["began"] for life in told["lives"].values())


def test_evidence_that_is_not_measured_yet_has_no_rows(done):
    study, planned, out = done
    shown = dataclasses.replace(study, evidence=(Evidence("Why", out / "none.csv", "python -m why"),))
    told = json.loads((collect(shown, planned, out, COMMANDS) / "study.json").read_text())
    assert told["evidence"] == [{"title": "Why", "command": "python -m why", "note": "", "rows": []}]


def test_evidence_is_kept_with_the_tables(done):
    study, planned, out = done
    (out / "why.csv").write_text('step,"what, if"\n1,2\n')
    shown = dataclasses.replace(study, evidence=(Evidence("Why", out / "why.csv", "python -m why", "See."),))
    told = json.loads((collect(shown, planned, out, COMMANDS) / "study.json").read_text())
    rows = [["step", "what, if"], ["1", "2"]]
    assert told["evidence"] == [{"title": "Why", "command": "python -m why", "note": "See.", "rows": rows}]
    assert str(out) not in json.dumps(told)


def test_what_the_losses_came_to_is_a_table(done):
    study, planned, out = done
    read = read_tables(collect(study, planned, out, COMMANDS))
    told = {(each.arm, each.step, each.name) for each in read.terms}
    assert {each for each in told if each[2] != "denoise"} == {("token", 3, "token"), ("token", 6, "token")}
    assert {(arm, step) for arm, step, name in told if name == "denoise"} == {
        ("base", 0), ("plain", 3), ("plain", 6), ("token", 3), ("token", 6),
    }  # fmt: skip


def test_the_study_is_told_without_this_machines_folders(done):
    study, planned, out = done
    (out / "tuned.json").write_text(json.dumps({"plain": {"choice": {"model.lr": 0.1}, "tries": []}}))
    told = json.loads((collect(study, planned, out, COMMANDS) / "study.json").read_text())
    assert str(out.parent) not in json.dumps(told)
    assert told["study"]["settings"]["model"] == {"lr": 0.1, "pretrained": "model"}
    assert told["study"]["arms"]["plain"]["tune"] == {"model.lr": [0.05, 0.1, 0.2]}
    assert told["study"]["tuning"]["settings"]["evaluation"]["prompts"] == "validation.jsonl"
    assert (told["study"]["seeds"], told["study"]["steps"]) == ([0, 1], 6)
    assert (told["commands"], told["tuned"]["plain"]["choice"]) == (COMMANDS, {"model.lr": 0.1})


def test_each_run_says_what_it_was_computed_with_not_the_last_call(done, monkeypatch):
    study, planned, out = done
    monkeypatch.setattr(provenance, "versions", lambda: {"torch": "another"})
    monkeypatch.setattr(provenance, "describe_machine", lambda: "another")
    Execution(dataclasses.replace(study, jobs=1), None).execute(planned[:4])
    told = json.loads((collect(study, planned, out, COMMANDS) / "study.json").read_text())
    assert {name: [life["jobs"] for life in lives] for name, lives in told["lives"].items()} == {
        "base": [2],
        "plain:0": [2],
        "token:0": [2],
        "plain:1": [1],
    }
    assert {name for name, (life,) in told["lives"].items() if life["machine"] == "another"} == {"plain:1"}
    assert {name for name, (life,) in told["lives"].items() if life["versions"] == {"torch": "another"}} == {"plain:1"}
    assert told["ended"].keys() == told["lives"].keys()
