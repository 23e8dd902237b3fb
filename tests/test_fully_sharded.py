"""A training in shards on two ranks is the training on one; checkpoints of either go on as the other."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from families import backbone_class, on_both_families
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DDPStrategy, FSDPStrategy, ModelParallelStrategy

from lightning_compose import fully_sharded
from lightning_compose.callbacks.attention_maps import AttentionMaps
from lightning_compose.callbacks.samples import SampleGrid
from lightning_compose.cli import main
from lightning_compose.sharding import require_known_sharding

ROOT = Path(__file__).parents[1]
LEARNING_RATE = 1e-3
PATHS = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])


@pytest.fixture
def config(pipeline, tmp_path, monkeypatch) -> str:
    """Steps of four samples with gradients far above the bound; a checkpoint after each."""
    monkeypatch.chdir(tmp_path)
    family = backbone_class(pipeline).__name__
    backbone = {"pretrained": str(pipeline), "gradient_checkpointing": True}
    backbone |= {"t5_tokens": 8} if family == "StableDiffusion3" else {}
    content = {
        "run_dir": "alone",
        "model": {
            "backbone": {"class_path": family, "init_args": backbone},
            "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": LEARNING_RATE}},
        },
        "losses": {"contrastive": {"class_path": "ContrastiveLoss"}, "token": {"class_path": "TokenLoss"}},
        # The contrastive loss's head is idle in the first step, and has no state when the run goes on.
        "curriculum": {"stages": {"first": {"steps": 1, "losses": {"contrastive": 0.0}}, "rest": {"steps": 2}}},
        "data": {"root": str(ROOT / "data_shards/shapes"), "size_px": 16, "global_batch_size": 4, "num_workers": 0},
        "trainer": {
            "max_steps": 3,
            "accelerator": "cpu",
            "gradient_clip_val": 0.05,
            "log_every_n_steps": 1,
            "limit_val_batches": 1,
            "val_check_interval": 3,
            "enable_progress_bar": False,
        },
        "checkpoint": {"every_n_train_steps": 1, "save_top_k": -1},
        "attention_maps": {"images": 0},
        "loss_curve": {"every_n_steps": 0},
    }
    Path("tiny.yaml").write_text(yaml.safe_dump(content))
    return "tiny.yaml"


def on_two_ranks(*arguments: str) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    ranks = ["--trainer.devices", "2", "--trainer.strategy", "fully_sharded", "--data.micro_batch_size", "1"]
    command = [*launcher, "-m", "lightning_compose", "fit", *arguments, *ranks]
    ended = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": PATHS}, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def state_at(run: str, step: int = 3) -> dict:
    return torch.load(f"{run}/checkpoints/step={step:06d}.ckpt", weights_only=True)


def norms(run: str) -> list[float]:
    """The gradients' norm of each step."""
    with Path(f"{run}/csv/version_0/metrics.csv").open() as file:
        return [float(row["train/grad_norm"]) for row in csv.DictReader(file) if row["train/grad_norm"]]


def require_same(first: dict, second: dict) -> None:
    assert first["global_step"] == second["global_step"]
    # Where a gradient is nearly zero AdamW divides its rounding by itself: a weight may be a part of a step apart.
    torch.testing.assert_close(first["state_dict"], second["state_dict"], rtol=0, atol=LEARNING_RATE / 2)
    weights = [torch.cat([value.flatten() for value in each["state_dict"].values()]) for each in (first, second)]
    assert (weights[0] - weights[1]).abs().mean() < LEARNING_RATE / 1000
    states = [each["optimizer_states"][0] for each in (first, second)]
    assert states[0]["param_groups"] == states[1]["param_groups"]
    assert states[0]["state"].keys() == states[1]["state"].keys()
    for number, moments in states[0]["state"].items():
        for key, value in moments.items():
            most = 1e-3 * value.abs().max().item() + 1e-9
            torch.testing.assert_close(states[1]["state"][number][key], value, rtol=0, atol=most)


@on_both_families
def test_two_ranks_go_on_where_one_stopped_and_one_where_they_stopped(config):
    main(["fit", "--config", config])
    alone = state_at("alone")
    on_two_ranks("--config", config, "--run_dir", "sharded", "--ckpt_path", "alone/checkpoints/step=000001.ckpt")
    require_same(alone, state_at("sharded"))
    assert norms("sharded") == pytest.approx(norms("alone")[1:], rel=1e-4)
    assert min(norms("alone")) > 0.5, "far above the bound: clipping did something"
    middle = "sharded/checkpoints/step=000002.ckpt"
    main(["fit", "--config", config, "--run_dir", "again", "--ckpt_path", middle])
    require_same(alone, state_at("again"))


def named(value: object) -> str:
    """Not by its place in memory, which differs between the processes that share the tests."""
    return value if isinstance(value, str) else type(value).__name__


@pytest.mark.parametrize(
    ("theirs", "name"),
    [
        (FSDPStrategy(), "FSDPStrategy"),
        (ModelParallelStrategy(save_distributed_checkpoint=False), "ModelParallelStrategy"),
        ("fsdp_cpu_offload", "fsdp_cpu_offload"),
        ("lightning.pytorch.strategies.ModelParallelStrategy", r"lightning\.pytorch.*"),
    ],
    ids=named,
)
def test_lightnings_own_is_refused(theirs, name):
    with pytest.raises(ValueError, match=rf"got '{name}'.* Set --trainer\.strategy fully_sharded"):
        require_known_sharding(theirs)


@pytest.mark.parametrize("strategy", ["auto", "fully_sharded", DDPStrategy(), fully_sharded.FullySharded()], ids=named)
def test_other_strategies_are_taken(strategy):
    require_known_sharding(strategy)


@pytest.mark.parametrize(
    "callback", [SampleGrid(["a red ring"]), AttentionMaps()], ids=lambda each: type(each).__name__
)
def test_pictures_are_refused_before_a_rank_waits_for_the_others(callback):
    trainer = Trainer(accelerator="cpu", callbacks=[callback], logger=False, enable_checkpointing=False)
    trainer.state.fn = "fit"
    with pytest.raises(ValueError, match=f"got {type(callback).__name__}.*draw with `predict`"):
        fully_sharded.FullySharded().setup(trainer)


def test_parameters_have_names_and_numbers():
    named = {
        "state": {"b": {"step": torch.tensor(1.0)}, "a": {"step": torch.tensor(2.0)}},
        "param_groups": [{"lr": 0.1, "params": ["a"]}, {"lr": 0.2, "params": ["b"]}],
    }
    numbered = fully_sharded._by_number(named)
    assert numbered["param_groups"] == [{"lr": 0.1, "params": [0]}, {"lr": 0.2, "params": [1]}]
    assert numbered["state"][0]["step"] == 2
    assert fully_sharded._by_name(numbered, ["a", "b"]) == named
