"""A model that learns next to nothing and remembers which samples it was given."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import Logger

from lightning_compose.callbacks.last_validation import LastValidation
from lightning_compose.data.batch import PairBatch
from lightning_compose.data.resume import realign_batch_progress


class CrashError(Exception):
    """Stands for whatever ends a run early."""


class Recorder(LightningModule):
    """`trained` and `validated` hold (optimizer steps done, sample indices) of every micro-batch."""

    def __init__(self, repairs: bool = True) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.repairs = repairs
        self.trained: list[tuple[int, list[int]]] = []
        self.validated: list[tuple[int, list[int]]] = []

    def training_step(self, batch: PairBatch, batch_idx: int) -> torch.Tensor:
        self.trained.append((self.global_step, batch.indices))
        self.log("loss", 0.0, batch_size=len(batch))
        return (self.weight * sum(batch.indices)).sum()

    def validation_step(self, batch: PairBatch, batch_idx: int) -> None:
        self.validated.append((self.global_step, batch.indices))

    test_step = validation_step

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1e-3)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.repairs:
            realign_batch_progress(checkpoint, self.trainer)

    def configure_callbacks(self) -> list[Callback]:
        return [LastValidation()]

    def samples_by_step(self) -> dict[int, list[int]]:
        """What entered each optimizer step, begun from 0."""
        steps: dict[int, list[int]] = {}
        for step, indices in self.trained:
            steps.setdefault(step, []).extend(indices)
        return steps


class CrashAfter(Callback):
    """Save a checkpoint after so many micro-batches of this life, as ModelCheckpoint does, and crash."""

    def __init__(self, micro_batches: int, path: Path) -> None:
        self.micro_batches = micro_batches
        self.path = path

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self.micro_batches -= 1
        if self.micro_batches == 0:
            trainer.save_checkpoint(self.path)
            raise CrashError


class StepLogger(Logger):
    """Remembers the steps under which the loss was logged."""

    name, version = "steps", 0

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[int] = []

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        if "loss" in metrics:
            self.steps.append(step)

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        pass


def quiet_trainer(**settings: Any) -> Trainer:
    """A Trainer on the CPU that writes nothing."""
    defaults = {
        "accelerator": "cpu",
        "max_steps": 4,
        "val_check_interval": 2,
        "check_val_every_n_epoch": None,
        "num_sanity_val_steps": 0,
        "logger": False,
        "log_every_n_steps": 1,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    return Trainer(**(defaults | settings))
