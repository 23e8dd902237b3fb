"""Act every so many optimizer steps: the base of callbacks that draw, save or count on the trainer's clock."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class EveryNSteps(Callback):
    """Act every `every_n_steps` optimizer steps and at the end of training; a subclass overrides `act`.

    Args:
        every_n_steps: Optimizer steps between two acts; 0 = only at the end.

    A complete example::

        class PrintStep(EveryNSteps):
            def act(self, trainer, pl_module):
                print(trainer.global_step)
    """

    def __init__(self, every_n_steps: int) -> None:
        if every_n_steps < 0:
            raise ValueError(f"Expected `every_n_steps` to be at least 0, got {every_n_steps}. 0 = only at the end.")
        self.every_n_steps = every_n_steps
        self._seen_step = self._acted_step = 0

    def act(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Do what is due; called on every rank."""
        raise NotImplementedError(f"{type(self).__name__} must implement `act(trainer, pl_module)`.")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._seen_step = self._acted_step = trainer.global_step

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        # Fires once a micro-batch: with accumulation, several times in the same optimizer step.
        if trainer.global_step == self._seen_step:
            return
        self._seen_step = trainer.global_step
        if self.every_n_steps and self._seen_step % self.every_n_steps == 0:
            self._act(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step != self._acted_step:
            self._act(trainer, pl_module)

    def _act(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._acted_step = trainer.global_step
        self.act(trainer, pl_module)
