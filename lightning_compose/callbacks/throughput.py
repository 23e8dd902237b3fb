"""Log how many images a second the training takes, over all ranks."""

from __future__ import annotations

import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class Throughput(Callback):
    """Log ``train/images_per_s`` at every optimizer step: wall time, all but validation included."""

    def __init__(self) -> None:
        self._restart()

    def _restart(self) -> None:
        self._images = 0
        self._since_s: float | None = None

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if self._since_s is None:
            self._since_s = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._images += len(batch) * trainer.world_size
        if (batch_idx + 1) % trainer.accumulate_grad_batches or self._since_s is None:
            return
        now_s = time.perf_counter()
        pl_module.log("train/images_per_s", self._images / (now_s - self._since_s))
        self._images, self._since_s = 0, now_s

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._restart()
