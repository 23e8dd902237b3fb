"""Checkpoints every so many optimizer steps and at the end of training."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint


class Checkpoint(ModelCheckpoint):
    """Save a checkpoint every `every_n_train_steps` optimizer steps and at the end; ``last.ckpt`` is the latest.

    Args:
        dirpath: Folder of the checkpoints.
        every_n_train_steps: Optimizer steps between two checkpoints.
        train_time_interval: Instead, the time between two checkpoints.
        save_top_k: How many to keep: 1 = the latest, -1 = all; by `monitor`, the best.
        monitor: A logged quantity, such as ``val/loss``; None = keep by age.
        mode: Whether the ``min`` or the ``max`` of `monitor` is best.
        save_last: Link ``last.ckpt`` to the latest checkpoint, or copy it (true). A link costs no second write, and a
            kill in the middle of a write leaves it at the checkpoint before.
        filename: Pattern of the file names.
        save_weights_only: Leave out what a resume needs.
        verbose: Say which checkpoints are saved.

    `ModelCheckpoint` saves nothing at the end of a training that stops between two intervals.
    """

    def __init__(
        self,
        dirpath: str | None = None,
        every_n_train_steps: int | None = 1000,
        train_time_interval: timedelta | None = None,
        save_top_k: int = 1,
        monitor: str | None = None,
        mode: str = "min",
        save_last: bool | Literal["link"] = "link",
        filename: str = "step={step:06d}",
        save_weights_only: bool = False,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            dirpath,
            filename,
            monitor=monitor,
            verbose=verbose,
            save_last=save_last,
            save_top_k=save_top_k,
            save_weights_only=save_weights_only,
            mode=mode,
            auto_insert_metric_name=False,
            every_n_train_steps=every_n_train_steps,
            train_time_interval=train_time_interval,
            # A resumed run overwrites its own last.ckpt instead of starting a last-v1.ckpt beside it.
            enable_version_counter=False,
        )

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._should_skip_saving_checkpoint(trainer):
            return
        candidates = self._monitor_candidates(trainer)
        if self.monitor is None or self.monitor in candidates:
            self._save_topk_checkpoint(trainer, candidates)
        self._save_last_checkpoint(trainer, candidates)
