"""A study of real trainings: its tables, and that neither signals nor kills change them."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from lightning_compose.cli import main
from lightning_compose.evaluation.prompts import write_prompts
from lightning_compose.shapes.benchmark import draw_prompts
from lightning_compose.study.readings import at_equal_cost
from lightning_compose.study.tables import read_tables

TESTS = Path(__file__).parents[1]
STAGES = {"easy": {"steps": 2, "losses": {"contrastive": 0.0}}, "hard": {"steps": 2, "replay": 0.5}}
COMMON = {
    "losses": {
        "token": {"class_path": "TokenLoss", "init_args": {"weight": 0.1}},
        "contrastive": {"class_path": "ContrastiveLoss", "init_args": {"weight": 0.1}},
    },
    "curriculum": {"stages": STAGES},
    "trainer": {"val_check_interval": 2, "limit_val_batches": 1, "accelerator": "cpu", "log_every_n_steps": 1},
    "checkpoint": {"every_n_train_steps": 1},
    "ema": {"decay": 0.5},
    "flops": {"count": True},
    "model": {"lr_schedule": "constant_with_warmup", "warmup_steps": 2},
}
ALL = {"title": "All losses"}
PLAIN = {"title": "Plain", "config": {"losses": None, "curriculum": None, "data": {"negatives": False}}}


@pytest.fixture
def write_study(root, tiny_pipeline, tmp_path, monkeypatch):
    """Write a study of these arms and seeds into the test's folder; return its file."""
    # The trainings are processes of their own.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(TESTS.parent)]))
    write_prompts(draw_prompts(1)[:4], tmp_path / "prompts.jsonl")
    drawn = {"prompts": "${here}/prompts.jsonl", "validate": True, "num_inference_steps": 1, "batch_size": 4}
    sizes = {"size_px": 16, "global_batch_size": 4, "micro_batch_size": 2, "num_workers": 0, "val_fraction": 0.2}
    backbone = {"class_path": "StableDiffusion", "init_args": {"pretrained": str(tiny_pipeline)}}
    common = {
        **COMMON,
        "model": {**COMMON["model"], "backbone": backbone},
        "data": {"root": str(root), **sizes},
        "evaluation": {**drawn, "judge": "pixel_judge.PixelJudge"},
    }
    (tmp_path / "common.yaml").write_text(yaml.safe_dump(common, sort_keys=False))

    def write(arms, seeds, jobs=1):
        content = {"configs": ["${here}/common.yaml"], "seeds": seeds, "jobs": jobs, "arms": arms}
        (tmp_path / "study.yaml").write_text(yaml.safe_dump({**content, "reference": next(iter(arms))}))
        return tmp_path / "study.yaml"

    return write


def tables(out):
    """Their bytes, but for the seconds."""
    with (out / "tables/runs.csv").open(newline="") as file:
        rows = [{**row, "seconds": ""} for row in csv.DictReader(file)]
    return rows, (out / "tables/scores.csv").read_bytes()


def test_a_study_trains_measures_and_writes_its_page(write_study, tmp_path):
    out = tmp_path / "out"
    main(["study", "--config", str(write_study({"all": ALL}, [0])), "--out", str(out)])
    read = read_tables(out / "tables")
    base, first, last = read.runs
    assert [(each.arm, each.step, each.steps) for each in read.runs] == [("base", 0, 0), ("all", 2, 4), ("all", 4, 4)]
    assert 0 < 2 * first.flops < last.flops, "the contrastive loss is on in the second stage only"
    assert 0 < first.seconds < last.seconds
    assert len({each.val_denoise for each in read.runs}) == 3
    assert (base.flops, base.seconds) == (0, 0)
    assert [each.index for each in read.scores] == 3 * [0, 1, 2, 3]
    terms = {(each.arm, each.step): each.value for each in read.terms if each.name == "token_in_mask_share"}
    assert list(terms) == [("base", 0), ("all", 2), ("all", 4)]
    assert all(0 < value < 1 for value in terms.values())
    assert (out / "results.md").is_file()


@pytest.mark.slow
def test_a_dearer_arm_is_evaluated_where_it_has_cost_what_the_reference_has(write_study, tmp_path):
    at_the_end = {"trainer": {"val_check_interval": 4}}
    plain = PLAIN | {"config": PLAIN["config"] | at_the_end}
    pairs = {"title": "A second image in every step", "config": {"curriculum": None} | at_the_end}
    file = write_study({"plain": plain, "pairs": pairs}, [0])
    main(["study", "--config", str(file), "--out", str(tmp_path / "out"), "--only", "pairs"])
    runs = read_tables(tmp_path / "out/tables").runs
    ends = {each.arm: each.flops for each in runs if each.step == 4}
    affordable = int(ends["plain"] / (ends["pairs"] / 4))
    assert 0 < affordable < 4
    assert {arm: [each.step for each in runs if each.arm == arm] for arm in ends} == {
        "plain": [4],
        "pairs": [affordable, 4],
    }
    assert at_equal_cost(runs, "plain")["pairs", 0].step == affordable


@pytest.mark.slow
def test_signals_and_kills_change_nothing_nor_does_a_training_beside(write_study, tmp_path):
    file = write_study({"plain": PLAIN, "all": ALL}, [0, 1])
    main(["study", "--config", str(file), "--out", str(tmp_path / "straight")])
    file = write_study({"plain": PLAIN, "all": ALL}, [0, 1], jobs=2)
    command = ["study", "--config", str(file), "--out", str(tmp_path / "out")]
    for number in (signal.SIGTERM, signal.SIGKILL):
        process = subprocess.Popen([sys.executable, "-m", "lightning_compose", *command])
        wait_for_a_checkpoint(tmp_path / "out", process)
        process.send_signal(number)
        process.wait()
    main(command)
    assert tables(tmp_path / "out") == tables(tmp_path / "straight")
    lives = [len(list(each.glob("csv/version_*"))) for each in (tmp_path / "out").glob("*/[01]")]
    assert max(lives) > 1, "some were interrupted"


def wait_for_a_checkpoint(out, process):
    """Wait until a training has one that it had not before."""
    before = checkpoints(out)
    while checkpoints(out) == before:
        assert process.poll() is None
        time.sleep(0.05)


def checkpoints(out):
    return sorted((each.name, each.parent) for each in out.glob("*/*/checkpoints/step=*.ckpt"))
