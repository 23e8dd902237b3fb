"""How runs are executed: what is left to do, when a slice ends, what is told of a failure."""

import json

import pytest
from study_configs import STANDIN, make_study

from lightning_compose.study import execute, processes, runs
from lightning_compose.study.execute import Execution, deadline
from lightning_compose.study.runs import plan


@pytest.fixture
def planned(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "PROGRAM", STANDIN)
    monkeypatch.setattr(processes, "POLL_S", 0.02)
    study = make_study(tmp_path / "configs", {"seeds": [0], "threads": 3})
    return study, plan(study, tmp_path / "out", {"plain": {}, "token": {}})


def test_marks_what_is_done_with_its_cost_and_threads(planned):
    study, (_, plain, token) = planned
    execution = Execution(study, None)
    execution.execute([plain])
    assert (plain.is_done, token.is_done, execution.failed) == (True, False, [])
    done = json.loads((plain.folder / "done.json").read_text())
    assert (done["flops"], done["seconds"], done["threads"]) == (60, 6, 3)
    assert execution.executor.environment["OMP_NUM_THREADS"] == "3"


def test_a_run_that_leaves_no_evaluation_has_failed(planned, monkeypatch, capsys):
    study, (_, plain, _) = planned
    monkeypatch.setattr(execute, "require_evaluated", lambda run: (_ for _ in ()).throw(FileNotFoundError("no file")))
    execution = Execution(study, None)
    execution.execute([plain])
    assert (plain.is_done, execution.failed) == (False, ["plain:0"])
    assert "Failed plain:0: no file." in capsys.readouterr().out


@pytest.mark.parametrize(("slice_s", "stop_s", "kill_s"), [(540, 495, 515), (100, 80, 90)])
def test_a_slice_leaves_time_to_save_and_to_write(monkeypatch, slice_s, stop_s, kill_s):
    monkeypatch.setattr(execute.time, "monotonic", lambda: 1000.0)
    assert deadline(slice_s) == processes.Deadline(1000 + stop_s, 1000 + kill_s)
