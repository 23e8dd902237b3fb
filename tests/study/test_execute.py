"""How runs are executed: what is left to do, when a slice ends, what is told of a failure."""

import contextlib
import io
import json

import pytest
from study_configs import STANDIN, make_study

from lightning_compose.study import execute, processes, runs
from lightning_compose.study.execute import Execution, deadline
from lightning_compose.study.provenance import read_lives
from lightning_compose.study.runs import plan


@pytest.fixture
def planned(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "PROGRAM", STANDIN)
    monkeypatch.setattr(processes, "POLL_S", 0.02)
    study = make_study(tmp_path / "configs", {"seeds": [0], "threads": 3})
    return study, plan(study, tmp_path / "out", {"plain": {}, "token": {}}, 60.0)


def test_marks_what_is_done_with_its_cost_and_threads(planned):
    study, (_, plain, token) = planned
    execution = Execution(study, None)
    execution.execute([plain])
    assert (plain.is_done, token.is_done, execution.failed) == (True, False, [])
    done = json.loads((plain.folder / "done.json").read_text())
    assert (done["flops"], done["seconds"]) == (60, 6)
    (life,) = read_lives(plain.folder)
    assert (life["threads"], life["jobs"], life["began"] <= done["ended"]) == (3, 2, True)
    assert execution.executor.environment["OMP_NUM_THREADS"] == "3"


def test_a_run_that_leaves_no_evaluation_has_failed(planned, monkeypatch, capsys):
    study, (_, plain, _) = planned
    monkeypatch.setattr(execute, "require_evaluated", lambda run: (_ for _ in ()).throw(FileNotFoundError("no file")))
    execution = Execution(study, None)
    execution.execute([plain])
    assert (plain.is_done, execution.failed) == (False, ["plain:0"])
    assert "Failed plain:0: no file." in capsys.readouterr().out


def test_what_happens_to_a_run_is_told_at_once(planned, tmp_path):
    study, (base, *_) = planned
    lines = [f"Started {base.name}, 0 of 1 runs done", f"Done {base.name}, 1 of 1 runs done"]
    seen = []

    class Pipe(io.StringIO):
        """Keeps what it is given until it is told to let go, as a pipe does."""

        def flush(self):
            seen.append(self.getvalue().splitlines())

    with contextlib.redirect_stdout(Pipe()):
        Execution(study, None).execute([base])
    assert lines[:1] in seen
    assert seen[-1] == lines


@pytest.mark.parametrize(("slice_s", "stop_s", "kill_s"), [(540, 495, 515), (100, 80, 90)])
def test_a_slice_leaves_time_to_save_and_to_write(monkeypatch, slice_s, stop_s, kill_s):
    monkeypatch.setattr(execute.time, "monotonic", lambda: 1000.0)
    assert deadline(slice_s) == processes.Deadline(1000 + stop_s, 1000 + kill_s)
