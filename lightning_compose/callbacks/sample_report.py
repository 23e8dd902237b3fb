"""Tell which samples a run could not use, and which nouns had no supervision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from lightning_compose.data.datamodule import ConPairDataModule
from lightning_compose.data.findings import write_csv

FILE = "samples_report.csv"


class SampleReporter(Callback):
    """Log ``train/bad_samples``; at the end print a table by reason and shard, and write it out in the run's folder.

    Also when a training is ended by a signal or an error, then with what the other ranks had met at the last
    checkpoint. It needs a `ConPairDataModule` and says nothing of others.
    """

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        data = _data(trainer)
        if data is not None and data.on_bad_sample == "skip":
            pl_module.log("train/bad_samples", float(data.report.bad_samples))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # What a run before this one left here is not to be taken for this one's.
        if trainer.is_global_zero and trainer.global_step == 0 and _has_a_folder(trainer):
            _file(trainer).unlink(missing_ok=True)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        data = _data(trainer)
        if data is not None:
            data.share_report()
            _tell(trainer, data)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        data = _data(trainer)
        if data is not None:
            # The other ranks may be anywhere: nothing can be asked of them.
            _tell(trainer, data)


def _data(trainer: Trainer) -> ConPairDataModule | None:
    data = trainer.datamodule  # type: ignore[attr-defined]
    return data if isinstance(data, ConPairDataModule) else None


def _tell(trainer: Trainer, data: ConPairDataModule) -> None:
    summary = data.report.summary()
    if not summary or not trainer.is_global_zero:
        return
    print(summary, flush=True)
    if _has_a_folder(trainer):
        file = _file(trainer)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_csv(data.report.findings(), file)
        print(f"Every bad sample: {file}", flush=True)


def _has_a_folder(trainer: Trainer) -> bool:
    return trainer.state.fn == TrainerFn.FITTING and not trainer.fast_dev_run  # type: ignore[attr-defined]


def _file(trainer: Trainer) -> Path:
    return Path(trainer.default_root_dir) / FILE
