"""`study`: what is done is not done again, whatever happens in between; with stand-ins for the trainings."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from study_configs import STANDIN, TUNING, write_study

from lightning_compose.cli import main
from lightning_compose.study import execute, page, processes, runs
from lightning_compose.study.readings import at_equal_cost
from lightning_compose.study.tables import read_tables

NAMES = ["base", "plain:0", "token:0", "plain:1", "token:1"]
FAILING = {"arms": {"token": {"config": {"trainer": {"fails": True}}}}}
STUDY_PROCESS = f"""
import sys
from lightning_compose.cli import main
from lightning_compose.study import page, runs
runs.PROGRAM = {STANDIN}
page.write_page = lambda tables, out, page: None
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def patched():
    """The command with stand-ins for its trainings, and for the page, whose tests are elsewhere."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(runs, "PROGRAM", STANDIN)
        monkeypatch.setattr(processes, "POLL_S", 0.02)
        monkeypatch.setattr(page, "write_page", lambda tables, out, page: page.write_text("written"))
        yield monkeypatch


@pytest.fixture
def study(patched, tmp_path):
    """Run the command on a study in the test's folder; return its exit code."""
    return lambda *arguments, changes=(): run_study(tmp_path, *arguments, changes=changes)


@pytest.fixture(scope="module")
def straight(patched, tmp_path_factory):
    """The tables of a study that nothing happened to."""
    folder = tmp_path_factory.mktemp("straight")
    assert run_study(folder) == 0
    return tables(folder / "out")


def run_study(folder, *arguments, changes=()):
    try:
        main(command(folder, *arguments, changes=changes))
    except SystemExit as exit_:
        return exit_.code
    return 0


def command(folder, *arguments, changes=()):
    config = write_study(folder / "configs", *changes)
    return ["study", "--config", str(config), "--out", str(folder / "out"), *arguments]


def tables(out):
    """All that they say, but for the seconds."""
    read = read_tables(out / "tables")
    rows = [(each.arm, each.seed, each.step, each.steps, each.flops, each.val_denoise) for each in read.runs]
    return rows, read.scores


def computed(out):
    """Every step that was computed, by run."""
    return {file.parent.relative_to(out).as_posix(): file.read_text().split() for file in out.glob("*/*/steps.txt")}


@pytest.fixture
def started(tmp_path):
    """The study as a process of its own whose first two trainings wait after their second step."""
    environment = {**os.environ, "STANDIN_WAITS_FOR": str(tmp_path / "go")}
    process = subprocess.Popen([sys.executable, "-c", STUDY_PROCESS, *command(tmp_path)], env=environment)
    waiting = [tmp_path / f"out/plain/{seed}/steps.txt" for seed in (0, 1)]
    while not all(file.is_file() and len(file.read_text()) == 4 for file in waiting):
        assert process.poll() is None
        time.sleep(0.05)
    yield process
    (tmp_path / "go").touch()
    process.kill()
    process.wait()


def test_runs_measures_and_writes(study, tmp_path, capsys):
    assert study() == 0
    read = read_tables(tmp_path / "out/tables")
    evaluated = [(each.arm, each.seed, each.step) for each in read.runs]
    assert evaluated == [("base", 0, 0)] + [
        (arm, seed, step) for seed in (0, 1) for arm in ("plain", "token") for step in (3, 6)
    ]
    assert {each.flops for each in read.runs if each.step == 6} == {60}
    assert [(each.arm, each.step, each.correct) for each in read.scores if each.seed == each.index == 0] == [
        *(("base", 0, False), ("plain", 3, False), ("plain", 6, True), ("token", 3, True), ("token", 6, True)),
    ]
    told = read.study
    assert told["study"]["arms"]["token"]["title"] == "Token"
    assert told["study"]["settings"]["evaluation"]["prompts"] == "test.jsonl"
    assert told["commands"] == [
        f"python -m lightning_compose study --config {tmp_path}/configs/study.yaml --out {tmp_path}/out"
    ]
    assert str(tmp_path) not in json.dumps({**told, "commands": []})
    assert (tmp_path / "out/results.md").read_text() == "written"
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "Not done yet: 5 runs, 24 steps, 11 evaluations of 0 images together"
    # Two run side by side: which of the last two is done first is nobody's promise.
    done = [line.removeprefix("Done ").split(", ") for line in printed if line.startswith("Done ")]
    assert {name for name, _ in done} == {"base", "plain:0", "plain:1", "token:0", "token:1"}
    assert [told for _, told in done][-1] == "5 of 5 runs done"
    assert [line for line in printed if line.startswith("Started")][-1].startswith("Started token:1, ")


def test_a_dearer_arm_is_evaluated_where_it_has_cost_what_the_reference_has(study, tmp_path):
    dear = {"arms": {"token": {"config": {"trainer": {"flops_a_step": 11.0}}}}}
    assert study(changes=[dear]) == 0
    read = read_tables(tmp_path / "out/tables")
    assert [(each.step, each.flops) for each in read.runs if (each.arm, each.seed) == ("token", 0)] == [
        *((3, 33), (5, 55), (6, 66)),
    ]
    at_cost = at_equal_cost(read.runs, "plain")
    assert {key: each.step for key, each in at_cost.items() if key[0] == "token"} == {("token", 0): 5, ("token", 1): 5}


def test_other_arms_wait_for_the_reference(study, tmp_path, capsys):
    assert study(changes=[{"arms": {"plain": {"config": {"trainer": {"fails": True}}}}}]) == 1
    assert "token" not in {each.name for each in (tmp_path / "out").iterdir()}
    capsys.readouterr()
    assert study("--list") == 0
    states = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()[1:])
    assert (states["plain:0"], states["token:0"]) == ("open", "waits for plain:0")


def test_an_arm_alone_is_run_after_the_reference(study, tmp_path):
    assert study("--only", "token:1") == 0
    assert sorted(computed(tmp_path / "out")) == ["plain/0", "token/1"]


def test_says_what_it_takes_and_does_nothing(study, tmp_path, capsys):
    assert study("--plan", changes=[TUNING]) == 0
    assert not (tmp_path / "out").exists()
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["runs", "steps", "evaluations", "images"]
    assert ["tuning", "3", "18", "3", "0"] in rows
    assert rows[-1] == ["not", "done", "yet", "8", "42", "14", "0"]


def test_what_is_done_is_not_done_again(study, tmp_path, capsys):
    assert study("--only", "plain:0") == 0
    assert list(computed(tmp_path / "out")) == ["plain/0"]
    assert study() == 0
    capsys.readouterr()
    assert study() == 0
    assert "Done " not in capsys.readouterr().out
    assert set(map(tuple, computed(tmp_path / "out").values())) == {tuple("123456")}
    assert len(computed(tmp_path / "out")) == 4


def test_one_after_the_other_gives_what_two_side_by_side_give(study, straight, tmp_path):
    assert study(changes=[{"jobs": 1}]) == 0
    assert tables(tmp_path / "out") == straight


def test_interrupted_by_a_signal_it_repeats_nothing_and_loses_nothing(study, straight, started, tmp_path):
    started.terminate()
    assert started.wait() == 143
    assert study() == 0
    assert tables(tmp_path / "out") == straight
    assert set(map(tuple, computed(tmp_path / "out").values())) == {tuple("123456")}


def test_killed_it_leaves_trainings_that_go_on_and_waits_for_them(study, straight, started, tmp_path, monkeypatch):
    started.kill()
    started.wait()
    begin = execute._begin

    def begin_or_let_go(run):
        # They are there still when the next study wants to begin, and end after that.
        return begin(run) or (tmp_path / "go").touch()

    monkeypatch.setattr(execute, "_begin", begin_or_let_go)
    assert study() == 0
    assert (tmp_path / "go").exists()
    assert tables(tmp_path / "out") == straight
    assert set(map(tuple, computed(tmp_path / "out").values())) == {tuple("123456")}


def test_killed_with_its_trainings_it_goes_on_from_their_checkpoints(study, straight, started, tmp_path):
    children = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()
    assert len(children) == 2
    for pid in [started.pid, *map(int, children)]:
        os.kill(pid, signal.SIGKILL)
    started.wait()
    assert study() == 0
    assert tables(tmp_path / "out") == straight
    assert set(map(tuple, computed(tmp_path / "out").values())) == {tuple("123456")}


def test_a_slice_ends_in_time_and_the_next_goes_on(study, straight, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("STANDIN_WAITS_FOR", str(tmp_path / "go"))
    assert study("--minutes", "0.05") == 0
    assert not list((tmp_path / "out").glob("*/*/done.json"))
    assert "runs are not done yet. The same command goes on." in capsys.readouterr().out
    monkeypatch.delenv("STANDIN_WAITS_FOR")
    assert study("--minutes", "10") == 0
    assert tables(tmp_path / "out") == straight


def test_a_run_that_fails_leaves_the_others(study, tmp_path, capsys):
    assert study(changes=[FAILING]) == 1
    assert sorted(computed(tmp_path / "out")) == ["plain/0", "plain/1"]
    printed = capsys.readouterr().out
    assert "Failed token:0: it ended with code 1" in printed
    assert "error: Expected to succeed, got an order to fail." in printed
    assert {each.arm for each in read_tables(tmp_path / "out/tables").runs} == {"base", "plain"}
    assert study() == 0, "what failed is tried again, with other settings too"
    assert {each.arm for each in read_tables(tmp_path / "out/tables").runs} == {"base", "plain", "token"}


def test_a_changed_config_is_refused_before_anything_runs(study, tmp_path, capsys):
    assert study("--only", "token:0") == 0
    before = computed(tmp_path / "out")
    changed = {"arms": {"token": {"config": {"model": {"lr": 0.9}}}}}
    assert study(changes=[changed]) == 2
    assert "Expected the run token:0 to go on with the settings" in capsys.readouterr().err
    assert computed(tmp_path / "out") == before


def test_lists_what_is_done_and_what_is_open(study, tmp_path, capsys):
    study("--only", "plain:0")
    capsys.readouterr()
    assert study("--list") == 0
    states = dict(line.rsplit(maxsplit=1) for line in capsys.readouterr().out.splitlines()[1:])
    assert states == {name: "done" if name == "plain:0" else "open" for name in NAMES}
    assert not list((tmp_path / "out").glob("token*"))


def test_values_are_chosen_before_the_runs_that_need_them(study, tmp_path, capsys):
    study("--list", changes=[TUNING])
    assert "waits for tuning" in capsys.readouterr().out
    assert study(changes=[TUNING]) == 0
    # The best weight is 1 after six steps of seed 100: no rate reaches it, the smallest comes closest.
    assert json.loads((tmp_path / "out/tuned.json").read_text())["plain"]["choice"] == {"model.lr": 0.05}
    read = read_tables(tmp_path / "out/tables")
    assert read.study["tuned"]["plain"]["choice"] == {"model.lr": 0.05}
    last = {each.arm: each.val_denoise for each in read.runs if (each.seed, each.step) == (0, 6)}
    assert last == pytest.approx({"plain": 1 / 0.3, "token": 1 / 1.2})


def test_listing_writes_nothing(study, tmp_path, capsys):
    assert study(changes=[TUNING]) == 0
    (tmp_path / "out/tuned.json").unlink()
    before = sorted((file, file.stat().st_mtime_ns) for file in (tmp_path / "out").rglob("*"))
    assert study("--list", changes=[TUNING]) == 0
    assert sorted((file, file.stat().st_mtime_ns) for file in (tmp_path / "out").rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--only", "plian"],
            "an arm, or an arm and a seed, got 'plian'. Did you mean 'plain'",
        ),
        (["--only", "plain:7"], "got 'plain:7'"),
        (["--minutes", "0"], "Expected a number above 0, got '0'"),
    ],
)
def test_refuses(study, capsys, arguments, message):
    assert study(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_two_studies_in_one_folder_are_one_too_many(study, started, capsys):
    assert study() == 2
    assert "another study is running" in capsys.readouterr().err


def test_it_starts_without_torch(tmp_path):
    config = write_study(tmp_path)
    code = "import sys; from lightning_compose.cli import main; main(sys.argv[1:]); print('torch' in sys.modules)"
    arguments = ["study", "--config", str(config), "--out", str(tmp_path / "out"), "--list"]
    found = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "False"
