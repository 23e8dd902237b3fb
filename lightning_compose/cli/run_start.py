"""The first touch of the run's folder, when all that can be checked has been checked."""

from __future__ import annotations

from collections.abc import Sequence

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import Logger

from lightning_compose.cli import run_folder


class RunStart(Callback):
    """Set an earlier run aside and open the loggers right before training; the first of all callbacks.

    Args:
        loggers: Of the run. The Trainer itself would open their files before it sets up anything that may fail.
        afresh: Whether the run starts from its beginning, so that what an earlier one left has to give way.
    """

    def __init__(self, loggers: Sequence[Logger], afresh: bool) -> None:
        self.loggers = list(loggers)
        self.afresh = afresh

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        trainer.loggers = self.loggers

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not (self.afresh and trainer.is_global_zero):
            return
        run_dir = trainer.default_root_dir
        earlier = run_folder.set_aside(run_dir)
        if earlier is not None:
            print(f"Moved what an earlier run left in {run_dir} to {earlier}; --ckpt_path last would have gone on")
