"""A progress bar over optimizer steps, with the time that is left."""

from __future__ import annotations

import sys
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from tqdm import tqdm

from lightning_compose.curriculum import find_curriculum, schedule_of


class StepProgress(ProgressBar):
    """Show `global_step` of `max_steps`, time left, rate, the curriculum's stage and what logs with ``prog_bar=True``.

    Lightning's own bars count the batches of an epoch: with an endless loader they know no end.
    """

    def __init__(self) -> None:
        super().__init__()
        self._enabled = True
        self._train_bar: tqdm[Any] | None = None
        self._evaluation_bar: tqdm[Any] | None = None

    @property
    def is_enabled(self) -> bool:
        """Whether it is shown; `LightningModule.print` asks."""
        return self._enabled

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def print(self, *args: Any, **kwargs: Any) -> None:
        tqdm.write(" ".join(map(str, args)))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        total = trainer.max_steps if trainer.max_steps > 0 else None
        self._train_bar = self._bar("fit", total, "step", initial=trainer.global_step)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        bar = self._train_bar
        if bar is None or trainer.global_step == bar.n:
            return
        first = bar.n == bar.initial
        # Reading a metric waits for the GPU: only as often as metrics are logged.
        if first or trainer.global_step % trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            bar.set_postfix(self._metrics(trainer, pl_module), refresh=False)
        bar.update(trainer.global_step - bar.n)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._train_bar is not None:
            self._train_bar.set_postfix(self._metrics(trainer, pl_module))
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._close()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._evaluation_bar = self._bar("validate", _total(trainer.num_val_batches), "batch", leave=False)

    def on_validation_batch_end(self, *_: Any) -> None:
        self._advance_evaluation()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._close_evaluation()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._evaluation_bar = self._bar("test", _total(trainer.num_test_batches), "batch", leave=False)

    def on_test_batch_end(self, *_: Any) -> None:
        self._advance_evaluation()

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._close_evaluation()

    def _bar(self, name: str, total: int | None, unit: str, **settings: Any) -> tqdm[Any] | None:
        if not self._enabled:
            return None
        # In a log file every refresh is a line.
        refresh_s = 0.2 if sys.stderr.isatty() else 10.0
        return tqdm(
            desc=name,
            total=total,
            unit=unit,
            mininterval=refresh_s,
            maxinterval=refresh_s,
            dynamic_ncols=True,
            **settings,
        )

    def _metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, str]:
        metrics = self.get_metrics(trainer, pl_module)
        metrics.pop("v_num", None)
        shown = {name.removeprefix("train/"): f"{value:.4g}" for name, value in metrics.items()}
        return {**_stage(trainer), **shown}

    def _advance_evaluation(self) -> None:
        if self._evaluation_bar is not None:
            self._evaluation_bar.update()

    def _close_evaluation(self) -> None:
        if self._evaluation_bar is not None:
            self._evaluation_bar.close()
            self._evaluation_bar = None

    def _close(self) -> None:
        self._close_evaluation()
        if self._train_bar is not None:
            self._train_bar.close()
            self._train_bar = None


def _stage(trainer: Trainer) -> dict[str, str]:
    if find_curriculum(trainer) is None:
        return {}
    return {"stage": schedule_of(trainer).stage_name(max(trainer.global_step - 1, 0))}


def _total(batches: list[int | float]) -> int | None:
    total = sum(batches)
    return None if total == float("inf") else int(total)
