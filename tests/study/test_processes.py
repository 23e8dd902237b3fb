"""Processes side by side: how many, until when, what a signal does; none of them needs a model."""

import os
import signal
import sys
import time

import pytest

from lightning_compose.study import processes
from lightning_compose.study.processes import GAVE_WAY, Deadline, Executor, Job

# Says that it is there, and ends in order when it is asked to.
WAITS = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(143)); print('on', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"


def job(folder, name, code, **settings):
    return Job(name, (sys.executable, "-c", code), folder / f"{name}.txt", **settings)


@pytest.fixture
def run(monkeypatch):
    """Run jobs and return their exit codes by name, in the order in which they ended."""
    monkeypatch.setattr(processes, "POLL_S", 0.02)

    def execute(jobs, side_by_side=2, deadline=None, meanwhile=lambda: None, environment=None):
        codes = {}
        executor = Executor(side_by_side, environment or {}, deadline)
        executor.run(jobs, lambda each, code: codes.update({each.name: code}), meanwhile)
        return codes, executor

    return execute


def when_all_are_on(jobs, act):
    """Act once, when all jobs have said that they are there."""
    done = []

    def meanwhile():
        if not done and all(each.log.is_file() and each.log.read_text() for each in jobs):
            done.append(act())

    return meanwhile


def test_runs_all_and_tells_their_exit_codes(run, tmp_path):
    codes, _ = run([job(tmp_path, "good", "print('said')"), job(tmp_path, "bad", "raise SystemExit(3)")])
    assert codes == {"good": 0, "bad": 3}
    assert (tmp_path / "good.txt").read_text() == "said\n"


def test_a_log_goes_on_where_it_was(run, tmp_path):
    for _ in range(2):
        run([job(tmp_path, "one", "import os; print(os.environ['GIVEN'])")], environment={"GIVEN": "there"})
    assert (tmp_path / "one.txt").read_text() == "there\nthere\n"


@pytest.mark.parametrize("side_by_side", [1, 2])
def test_so_many_run_side_by_side(run, tmp_path, side_by_side):
    # Each waits for the other, or gives up.
    code = "import pathlib, time\npathlib.Path({0!r}).touch()\nuntil = time.monotonic() + {2}\n"
    code += "while time.monotonic() < until and not pathlib.Path({1!r}).exists(): time.sleep(0.01)\n"
    code += "raise SystemExit(not pathlib.Path({1!r}).exists())"
    files = [str(tmp_path / name) for name in ("a", "b")]
    patience_s = 30 if side_by_side == 2 else 0.1
    jobs = [
        job(tmp_path, "first", code.format(files[0], files[1], patience_s)),
        job(tmp_path, "second", code.format(files[1], files[0], patience_s)),
    ]
    assert run(jobs, side_by_side)[0] == {"first": 0 if side_by_side == 2 else 1, "second": 0}


def test_a_job_that_may_not_begin_yet_lets_others_pass(run, tmp_path):
    first = job(tmp_path, "first", "", begin=lambda: (tmp_path / "second.txt").is_file())
    assert list(run([first, job(tmp_path, "second", "")], side_by_side=1)[0]) == ["second", "first"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_lets_all_give_way_and_nothing_new_begins(run, tmp_path, number):
    jobs = [job(tmp_path, name, WAITS) for name in ("one", "two", "three")]
    before = signal.getsignal(number)
    codes, executor = run(jobs, meanwhile=when_all_are_on(jobs[:2], lambda: os.kill(os.getpid(), number)))
    assert codes == {"one": 143, "two": 143}
    assert set(codes.values()) <= set(GAVE_WAY)
    assert executor.received == number
    assert signal.getsignal(number) == before


def test_ctrl_c_twice_does_not_wait(run, tmp_path):
    jobs = [job(tmp_path, "one", STUBBORN)]
    press = when_all_are_on(jobs, lambda: [os.kill(os.getpid(), signal.SIGINT) for _ in range(2)])
    assert run(jobs, meanwhile=press)[0] == {"one": -signal.SIGKILL}


def test_ctrl_c_does_not_reach_the_processes_themselves(run, tmp_path):
    codes, _ = run([job(tmp_path, "one", "import os, signal; os.kill(os.getpid(), signal.SIGINT)")])
    assert codes == {"one": 0}


def test_the_deadline_lets_all_give_way(run, tmp_path):
    jobs = [job(tmp_path, name, WAITS) for name in ("one", "two")]
    soon = Deadline(stop_s=time.monotonic() + 2, kill_s=time.monotonic() + 600)
    codes, _ = run(jobs, side_by_side=1, deadline=soon)
    assert list(codes) == ["one"]
    assert codes["one"] in GAVE_WAY


def test_what_does_not_give_way_is_killed_in_the_end(run, tmp_path):
    jobs = [job(tmp_path, "one", STUBBORN)]
    soon = Deadline(stop_s=time.monotonic() + 1, kill_s=time.monotonic() + 2)
    assert run(jobs, deadline=soon)[0]["one"] < 0


def test_a_deadline_that_has_passed_lets_nothing_begin(run, tmp_path):
    assert run([job(tmp_path, "one", "")], deadline=Deadline(0.0, 0.0))[0] == {}


def test_a_mistake_in_between_leaves_no_process_behind(tmp_path):
    def fail():
        raise ArithmeticError

    jobs = [job(tmp_path, "one", WAITS)]
    executor = Executor(1, {})
    with pytest.raises(ArithmeticError):
        executor.run(jobs, lambda *_: None, when_all_are_on(jobs, fail))
    assert [process.wait() for process in executor._running.values()] == [143]
