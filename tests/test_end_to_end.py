"""The whole path from shards to weights: same numbers for any workers, after a resume, and on two ranks."""

import os

import pytest
import torch
from families import load_backbone, on_both_families
from lightning.pytorch import Callback
from recorder import CrashAfter, CrashError, quiet_trainer
from torch import nn

from lightning_compose.data.datamodule import ConPairDataModule
from lightning_compose.data.shards import ShardWriter
from lightning_compose.losses import LossCallback
from lightning_compose.module import ComposeModule
from lightning_compose.shapes.generate import generate

pytestmark = on_both_families


class Scaled(LossCallback):
    """The absolute error times a trained factor: a term with a head."""

    def build(self, module):
        return nn.Linear(1, 1)

    def compute(self, step, head):
        return head((step.prediction - step.target).abs().mean().view(1)).squeeze()


class SwitchOff(Callback):
    """Switch the loss off at the second optimizer step, as a curriculum does."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        for loss in pl_module.losses.values():
            loss.weight = 1.0 if trainer.global_step < 1 else 0.0


class Keep(Callback):
    """Remember each micro-batch's loss and samples, and write the last weights to a file."""

    def __init__(self, path=None):
        self.path, self.losses, self.keys = path, [], []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.losses.append(outputs["loss"].item())
        self.keys += batch.keys

    def on_train_end(self, trainer, pl_module):
        if self.path is not None and trainer.is_global_zero:
            torch.save(pl_module.state_dict(), self.path)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards") / "shapes"
    with ShardWriter(folder) as writer:
        for sample in generate(0, "train", range(24), 32):
            writer.write(sample)
    return str(folder)


@pytest.fixture
def make(pipeline, root):
    def build(**data):
        module = ComposeModule(load_backbone(pipeline), lambda params: torch.optim.AdamW(params, lr=1e-2))
        settings = {"size_px": 16, "global_batch_size": 4, "micro_batch_size": 2, "num_workers": 0, "val_fraction": 0.2}
        return module, ConPairDataModule(root, **(settings | data))

    return build


def fit(module, data, *callbacks, ckpt_path=None, **settings):
    quiet_trainer(callbacks=list(callbacks), **settings).fit(module, data, ckpt_path=ckpt_path)


def test_workers_change_no_loss(make):
    records = [Keep(), Keep()]
    for workers, record in zip((0, 2), records, strict=True):
        fit(*make(num_workers=workers), record, Scaled())
    assert len(records[0].losses) == 8
    assert records[0].losses == records[1].losses


def test_a_resumed_run_goes_on_with_the_next_sample_and_the_same_losses(make, tmp_path):
    whole, before, after = Keep(), Keep(), Keep()
    fit(*make(), whole, Scaled(), max_steps=5)
    with pytest.raises(CrashError):  # Five micro-batches: two steps and half of the third.
        fit(*make(), before, Scaled(), CrashAfter(5, tmp_path / "crash.ckpt"), max_steps=5)
    fit(*make(), after, Scaled(), max_steps=5, ckpt_path=tmp_path / "crash.ckpt")
    assert before.keys[:8] + after.keys == whole.keys
    assert before.losses[:4] + after.losses == whole.losses


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Needs fork.")
def test_two_ranks_train_the_weights_of_one(make, tmp_path):
    fit(*make(), Keep(tmp_path / "one.pt"), Scaled(), SwitchOff(), max_steps=3)
    two = Keep(tmp_path / "two.pt")
    fit(*make(), two, Scaled(), SwitchOff(), max_steps=3, strategy="ddp_fork", devices=2)
    one, two = (torch.load(tmp_path / name, weights_only=True) for name in ("one.pt", "two.pt"))
    assert any(name.startswith("heads.scaled") for name in one)
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, atol=2e-4, rtol=1e-3, msg=name)
