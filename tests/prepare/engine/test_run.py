"""The engine with real Ray: killed or not, with one worker or two, the same bytes."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
import yaml
from made_prompts import PAINTER, content, workspace_of

from lightning_compose.cli import main
from lightning_compose.prepare.engine.run import WorkerError
from lightning_compose.prepare.rows import CandidatesRow
from lightning_compose.prepare.settings import read_settings
from lightning_compose.prepare.steps import STEPS

KEYS = [f"single-color-{number:06d}" for number in range(12)]
CODE = "import sys; from lightning_compose.cli import main; main(sys.argv[1:])"


def config(**changes):
    candidates = {"painter": PAINTER, "per_prompt": 2}
    return {"candidates": candidates, "engine": {"block_rows": 2, "workers": 1}} | changes


def run(settings, workspace):
    STEPS["candidates"](read_settings(settings), workspace)


@pytest.fixture(scope="module")
def straight(ray_address, tmp_path_factory):
    """What a run writes that nothing happens to."""
    workspace = workspace_of(tmp_path_factory.mktemp("straight"), KEYS)
    run(config(), workspace)
    assert len(workspace.rows("candidates", CandidatesRow)) == len(KEYS)
    return made(workspace)


def made(workspace):
    """Its rows and images."""
    folder = workspace.folder("candidates")
    return {**content(folder / "blocks"), **content(folder / "images")}


def test_two_workers_write_what_one_writes(straight, tmp_path):
    workspace = workspace_of(tmp_path, reversed(KEYS))
    run(config(engine={"block_rows": 2, "workers": 2}), workspace)
    assert made(workspace) == straight


def test_killed_at_a_random_block_it_goes_on_to_the_same_bytes(straight, ray_address, tmp_path):
    slow = tmp_path / "slow"
    slow.touch()
    workspace = workspace_of(tmp_path / "w", KEYS)
    settings = config(candidates={"painter": {**PAINTER, "init_args": {"slow_while": str(slow)}}, "per_prompt": 2})
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(settings))
    blocks = workspace.folder("candidates") / "blocks"
    process = start(file, workspace, ray_address)
    wait_for(lambda: len(list(blocks.glob("*.jsonl"))) >= random.Random(0).randint(1, 4), process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = {each: each.stat().st_mtime_ns for each in blocks.glob("*.jsonl")}
    assert 0 < len(before) < 6
    slow.unlink()
    run(settings, workspace)
    assert made(workspace) == straight
    assert {each: each.stat().st_mtime_ns for each in before} == before, "what is done is not done again"


def start(file, workspace, address):
    arguments = ["prepare", "candidates", "--config", file, "--workspace", workspace.root, "--engine.address", address]
    path = os.pathsep.join([os.path.dirname(__file__).removesuffix("/prepare"), *sys.path])
    command = [sys.executable, "-c", CODE, *map(str, arguments)]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.DEVNULL)


def wait_for(happened, process):
    while not happened():
        assert process.poll() is None
        time.sleep(0.02)


def test_what_a_worker_raises_is_one_line_and_blocks_stay(ray_address, tmp_path, capsys):
    refusing = {**PAINTER, "init_args": {"refuses": f"a picture of {KEYS[-1]}"}}
    workspace = workspace_of(tmp_path / "w", KEYS)
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(config(candidates={"painter": refusing, "per_prompt": 2})))
    with pytest.raises(SystemExit):
        main(["prepare", "candidates", "--config", str(file), "--workspace", str(workspace.root)])
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: Expected block 000005 of candidates to be made, got ValueError: Expected a prompt")
    assert len(list((workspace.folder("candidates") / "blocks").glob("*.jsonl"))) == 5
    with pytest.raises(ValueError, match="step candidates to be done, got 10 of 12 rows"):
        workspace.rows("candidates", CandidatesRow)


def test_a_model_that_cannot_be_built_is_told(ray_address, tmp_path):
    broken = {"class_path": "lightning_compose.prepare.models.painter.Painter"}
    with pytest.raises(WorkerError, match="Painter must implement") as error:
        run(config(candidates={"painter": broken}), workspace_of(tmp_path, KEYS))
    assert "Traceback" in error.value.__notes__[0]


def test_workers_that_there_is_no_room_for_are_refused(ray_address, tmp_path):
    with pytest.raises(ValueError, match=r"Expected 1 GPUs for 1 workers, got machines with 0. Lower"):
        run(config(engine={"gpus_per_worker": 1}), workspace_of(tmp_path, KEYS))
