"""`prepare run` of the embedded world, killed at a random moment of every step: the same bytes."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from made_prompts import content

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
STEPS = ("prompts", "candidates", "verify", "negatives", "masks", "pack")
# Few prompts, and single objects, which the base draws well; a count that is not here keeps the config's.
COUNTS = {
    "single": {"color": 3, "shape": 3, "texture": 0, "counting": 0, "scene": 0},
    "composition": dict.fromkeys(("color", "shape", "texture", "spatial", "non-spatial", "scene"), 0),
    "complex": {"counting": 0, "complex": 0},
}
SMALL = ["--prompts.counts", json.dumps(COUNTS), "--candidates.per_prompt", "2", "--negatives.per_positive", "3"]
BY_MODELS = ("candidates", "verify", "negatives", "masks")


def command(workspace):
    config = ROOT / "configs/prepare/shapes.yaml"
    run = [sys.executable, "-m", "lightning_compose", "prepare", "run", "--config", str(config)]
    return [*run, "--workspace", str(workspace), "--engine.block_rows", "1", *SMALL]


def made(workspace):
    """Rows, images and shards; not what merely says how often a block was begun."""
    steps = {
        f"{step}/{name}": data
        for step in STEPS
        for part in ("blocks", "images")
        for name, data in content(workspace / step / part).items()
    }
    return {**steps, **content(workspace / "shards"), "prompts": (workspace / "prompts.jsonl").read_bytes()}


def start(workspace):
    return subprocess.Popen(command(workspace), start_new_session=True, stdout=subprocess.DEVNULL)


def killed_in(step, workspace, blocks, after_s):
    """Kill a run so long after a step has begun and written so many blocks; return whether it was not done by then."""
    process = start(workspace)
    while process.poll() is None and not has_written(workspace / step, blocks):
        time.sleep(0.01)
    time.sleep(after_s)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def has_written(folder, blocks):
    return folder.exists() and len(list((folder / "blocks").glob("*.jsonl"))) >= blocks


def test_killed_in_every_step_it_ends_with_the_same_bytes(tmp_path):
    assert start(tmp_path / "straight").wait() == 0
    expected = made(tmp_path / "straight")
    assert len(list((tmp_path / "straight/shards").rglob("*.tar"))) == 1

    rng = random.Random(0)
    for step in STEPS:
        blocks, after_s = (rng.randint(0, 4), rng.uniform(0, 1)) if step in BY_MODELS else (0, 0)
        assert killed_in(step, tmp_path / "w", blocks, after_s), step
    assert start(tmp_path / "w").wait() == 0
    assert made(tmp_path / "w") == expected
