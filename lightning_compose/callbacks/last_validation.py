"""Let a run that ended in its very last validation make up for it."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from lightning_compose.data.resume import owes_validation


class LastValidation(Callback):
    """Do the validation after the last step where the checkpoint of that step was saved before it, and end in order.

    `ComposeModule` brings it along. All other validations that a checkpoint owes need `realign_batch_progress` only;
    but of a run that has reached its `max_steps` Lightning does nothing any more.
    """

    def __init__(self) -> None:
        self._owed_after_step: int | None = None
        self._max_steps: int | None = None

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if trainer.state.fn == TrainerFn.FITTING and owes_validation(checkpoint):
            self._owed_after_step = checkpoint["global_step"]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._owed_after_step == trainer.max_steps:
            # After the learning-rate schedule was made from it, and until the loops have begun.
            self._max_steps = trainer.max_steps
            trainer.fit_loop.epoch_loop.max_steps = self._max_steps + 1
        self._owed_after_step = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not sum(trainer.num_val_batches):
            self._set_back(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._set_back(trainer)

    def _set_back(self, trainer: Trainer) -> None:
        if self._max_steps is not None:
            trainer.fit_loop.epoch_loop.max_steps = self._max_steps
            self._max_steps = None
