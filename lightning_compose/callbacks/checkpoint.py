"""Checkpoints every so many optimizer steps and at the end of training."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from weakref import proxy

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from lightning_compose.checkpoint_io import PARTIAL, StagedCheckpointIO, remove_partial
from lightning_compose.data.durable import flush_folder

LAST_CHECKPOINT = f"{ModelCheckpoint.CHECKPOINT_NAME_LAST}{ModelCheckpoint.FILE_EXTENSION}"


class Checkpoint(ModelCheckpoint):
    """Save a checkpoint every `every_n_train_steps` optimizer steps and at the end; ``last.ckpt`` is the latest.

    Args:
        dirpath: Folder of the checkpoints.
        every_n_train_steps: Optimizer steps between two checkpoints.
        train_time_interval: Instead, the time between two checkpoints; where given, `every_n_train_steps` gives way.
        save_top_k: How many to keep: 1 = the latest, -1 = all; by `monitor`, the best.
        monitor: A logged quantity, such as ``val/loss``; None = keep by age.
        mode: Whether the ``min`` or the ``max`` of `monitor` is best.
        save_last: Link ``last.ckpt`` to the latest checkpoint, or copy it (true). A link costs no second write. Where
            the latest is none of the best, ``last.ckpt`` is a file of its own.
        filename: Pattern of the file names.
        save_weights_only: Leave out what a resume needs.
        verbose: Say which checkpoints are saved.

    `ModelCheckpoint` saves nothing at the end of a training that stops between two intervals, and links ``last.ckpt``
    to one of the best. A kill in the middle of a write leaves the checkpoints before it.
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
            every_n_train_steps=every_n_train_steps if train_time_interval is None else None,
            train_time_interval=train_time_interval,
            # A resumed run overwrites its own last.ckpt instead of starting a last-v1.ckpt beside it.
            enable_version_counter=False,
        )
        self._last_written_at_step = 0
        # The step of which the checkpoint was written before its validation.
        self._outdated_at_step: int | None = None
        self._is_asked = False

    def save_this_step(self) -> None:
        """Save at the end of the optimizer step that is being ended, whatever the interval; once.

        Call it on every rank in a callback's `on_train_batch_end`: `Checkpoint` is the last to get there.
        """
        self._is_asked = True

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        # One that the user chose stays.
        if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
            trainer.strategy.checkpoint_io = StagedCheckpointIO()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self._is_asked, self._outdated_at_step = False, None
        if trainer.is_global_zero and self.dirpath:
            remove_partial(Path(self.dirpath))

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        deferred, self._defer_save_until_validation = self._defer_save_until_validation, False
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        if self._defer_save_until_validation:
            # Until the first validation nothing can be ranked, but the state can be kept.
            self._write_last(trainer)
        self._defer_save_until_validation |= deferred
        if self._is_asked:
            self._is_asked = False
            self._save_unranked(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step in (self._last_global_step_saved, self._last_written_at_step):
            self._outdated_at_step = trainer.global_step
        super().on_validation_end(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._outdated_at_step == trainer.global_step and not self.save_weights_only:
            # As it is, a resume would do the last validation again.
            self._write(trainer, self._last_checkpoint_saved)
        self._save_now(trainer)

    def _save_unranked(self, trainer: Trainer) -> None:
        # Between two validations the monitored value is that of earlier weights.
        if self.monitor is not None and self.save_last:
            self._write_last(trainer)
        else:
            self._save_now(trainer)

    def _save_now(self, trainer: Trainer) -> None:
        if self._should_skip_saving_checkpoint(trainer):
            return
        candidates = self._monitor_candidates(trainer)
        if self.monitor is None or self.monitor in candidates:
            self._save_topk_checkpoint(trainer, candidates)
            self._save_last_checkpoint(trainer, candidates)
        else:
            self._write_last(trainer)

    def _save_topk_checkpoint(self, trainer: Trainer, monitor_candidates: dict[str, Any]) -> None:
        super()._save_topk_checkpoint(trainer, monitor_candidates)
        is_kept = self._last_global_step_saved == trainer.global_step
        if self.save_last == "link" and self.save_top_k != 0 and not is_kept:
            self._write_last(trainer)

    def _write_last(self, trainer: Trainer) -> None:
        if not self.save_last or self._should_skip_saving_checkpoint(trainer):
            return
        # Called once a micro-batch: with accumulation, several times in the same optimizer step.
        if self._last_written_at_step != trainer.global_step:
            self._last_written_at_step = trainer.global_step
            self.last_model_path = str(Path(self.dirpath or "", LAST_CHECKPOINT))
            self._write(trainer, self.last_model_path)

    def _save_checkpoint(self, trainer: Trainer, filepath: str) -> None:
        self._write(trainer, filepath)
        self._last_global_step_saved = trainer.global_step
        if self.save_last == "link":
            # Now, and not after the previous one is removed: a kill in between would leave a link to nothing.
            self._link_checkpoint(trainer, filepath, str(Path(filepath).with_name(LAST_CHECKPOINT)))
        if trainer.is_global_zero:
            for logger in trainer.loggers:
                logger.after_save_checkpoint(proxy(self))

    def _write(self, trainer: Trainer, filepath: str) -> None:
        self._outdated_at_step = None
        trainer.save_checkpoint(filepath, self.save_weights_only)
        self._last_checkpoint_saved = filepath

    @staticmethod
    def _link_checkpoint(trainer: Trainer, filepath: str, linkpath: str) -> None:
        file, link = Path(filepath), Path(linkpath)
        if trainer.is_global_zero and file.absolute() != link.absolute():
            new = link.with_name(f"{link.name}{PARTIAL}")
            new.unlink(missing_ok=True)
            new.symlink_to(os.path.relpath(file, link.parent))
            new.replace(link)
            flush_folder(link.parent)
        trainer.strategy.barrier()
