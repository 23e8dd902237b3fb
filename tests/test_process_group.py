"""What is left of gloo's threads, which abort the interpreter that ends before them."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import gc, json, sys
from pathlib import Path

import torch
import torch.distributed as dist

from lightning_compose.process_group import leaving_process_group

def run(end):
    dist.init_process_group("gloo", init_method="file://" + sys.argv[1], rank=0, world_size=1)
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(4, 4))
    model(torch.ones(2, 4)).sum().backward()
    # A cycle, which the collector shall not have found by chance.
    gc.disable()
    model.cycle = [model]
    sys.stderr.write(json.dumps(threads()) + "\\n")
    # As Lightning does when a training ends.
    del model
    if end is not None:
        raise end

def threads():
    return [name for each in Path("/proc/self/task").iterdir() if "gloo" in (name := (each / "comm").read_text())]

try:
    with leaving_process_group():
        run(eval(sys.argv[2]))
except BaseException:
    pass
sys.stderr.write(json.dumps(threads()) + "\\n")
"""


def gloo_threads(tmp_path, end):
    """The threads in the training and after it."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "store"), end]
    lines = subprocess.run(command, capture_output=True, text=True, timeout=120).stderr.splitlines()
    return [json.loads(line) for line in lines[-2:]]


@pytest.mark.parametrize("end", ["None", "SystemExit(143)"])
def test_no_thread_outlives_a_training_that_ended(tmp_path, end):
    before, after = gloo_threads(tmp_path, end)
    assert before
    assert not after


def test_after_an_error_nothing_waits_for_other_ranks(tmp_path):
    before, after = gloo_threads(tmp_path, "ValueError('a step')")
    assert after == before
