"""A tiny module and a Trainer that runs it for some optimizer steps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from averaged_net import DATA, Net
from batches import batches
from lightning.pytorch import Trainer

from lightning_compose.backbones import StableDiffusion
from lightning_compose.module import ComposeModule


@pytest.fixture
def module(tiny_pipeline: Path) -> ComposeModule:
    return ComposeModule(StableDiffusion(str(tiny_pipeline)))


@pytest.fixture
def make_trainer(tmp_path: Path) -> Callable[..., Trainer]:
    """A Trainer on the CPU whose run's folder is the test's own; arguments go to it."""

    def make(**settings: Any) -> Trainer:
        defaults = {
            "accelerator": "cpu",
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "max_epochs": -1,
            "default_root_dir": tmp_path,
            "log_every_n_steps": 1,
        }
        return Trainer(**{**defaults, **settings})

    return make


@pytest.fixture
def train(module: ComposeModule, make_trainer: Callable[..., Trainer]) -> Callable[..., Trainer]:
    """Train for `steps` optimizer steps and return the Trainer."""

    def run(steps: int, callbacks: list[Any], accumulation: int = 1, ckpt_path: str | None = None, **settings: Any):
        trainer = make_trainer(max_steps=steps, callbacks=callbacks, accumulate_grad_batches=accumulation, **settings)
        trainer.fit(module, batches(steps * accumulation), ckpt_path=ckpt_path, weights_only=True)
        return trainer

    return run


@pytest.fixture
def fit_net(make_trainer):
    """Train a Net and return its trainer; validation and test data are those of the training."""

    def run(*callbacks, steps=4, module=None, ckpt_path=None, **settings):
        settings = {"limit_val_batches": 1, "limit_test_batches": 1} | settings
        trainer = make_trainer(max_steps=steps, callbacks=list(callbacks), **settings)
        trainer.fit(module or Net(), DATA, DATA, ckpt_path=ckpt_path, weights_only=True)
        return trainer

    return run
