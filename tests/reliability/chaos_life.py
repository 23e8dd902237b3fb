"""One life of a run: train on the embedded world, and write down all that came in and went out."""

import hashlib
import json
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import Logger
from torch.optim.lr_scheduler import OneCycleLR

from lightning_compose.callbacks.checkpoint import Checkpoint
from lightning_compose.callbacks.ema import EMA
from lightning_compose.callbacks.preemption import Preemption
from lightning_compose.cli.run_folder import checkpoints_folder, resolve_checkpoint
from lightning_compose.curriculum import Curriculum, Stage
from lightning_compose.curriculum.schedule import Kind
from lightning_compose.data.batch import PairBatch
from lightning_compose.data.datamodule import ConPairDataModule
from lightning_compose.losses import ContrastiveLoss, LossCallback, PixelLoss, TokenLoss
from lightning_compose.module import ComposeModule
from lightning_compose.step import DenoisingStep
from tests.families import load_backbone
from tests.recorder import CrashError, Recorder, quiet_trainer

GLOBAL_BATCH = 4
SIZE_PX = 16
# A victim that has not been killed after so many more steps waits for it.
STEPS_OF_GRACE = 4
# The wall clock's.
NOT_COMPARED = ("train/images_per_s", "epoch")


@dataclass(frozen=True)
class World:
    """What all lives of a run share.

    Args:
        root: Of the shard set.
        steps: Optimizer steps of a run, at least 3.
        pipeline: Folder of the model that training starts from; None = a model that learns nothing.
        checkpoint_steps: From one checkpoint to the next.
        settings: Of the Trainer, beside those that all runs have.
        lr_schedule: Of the model; None = OneCycleLR, which no stage can scale.
        schedule: Of the stages.
    """

    root: Path
    steps: int
    pipeline: Path | None
    checkpoint_steps: int = 13
    settings: Mapping[str, Any] = field(default_factory=dict)
    lr_schedule: str | None = "cosine"
    schedule: Kind = "strict"

    def curriculum(self) -> Curriculum:
        third = self.steps // 3
        stages = {
            "single": Stage(steps=third, stages=["single"], losses={"contrastive": 0.0}),
            "composition": Stage(steps=third, stages=["composition"], replay=0.2, losses={"pixel": 2.0}),
            "complex": Stage(steps=self.steps - 2 * third, stages=["complex"], replay=0.3, lr=0.5),
        }
        if self.pipeline is None:
            stages = {name: replace(stage, losses={}) for name, stage in stages.items()}
        if self.pipeline is None or self.lr_schedule is None:
            stages = {name: replace(stage, lr=1.0) for name, stage in stages.items()}
        return Undrawn(stages, self.schedule)

    def losses(self) -> list[LossCallback]:
        if self.pipeline is None:
            return []
        contrastive, token, pixel = ContrastiveLoss(weight=0.1), TokenLoss(weight=0.1), PixelLoss(weight=0.01)
        contrastive.name, token.name, pixel.name = "contrastive", "token", "pixel"
        return [contrastive, token, pixel]

    def module(self) -> LightningModule:
        if self.pipeline is None:
            return Keeper()
        return (OneCycle if self.lr_schedule is None else Witness)(
            load_backbone(self.pipeline),
            lambda parameters: torch.optim.AdamW(parameters, lr=1e-3, eps=1e-4, fused=True),
            lr_schedule=self.lr_schedule or "constant",
            warmup_steps=2,
        )


@dataclass(frozen=True)
class Kill:
    """How a life ends.

    Args:
        name: A signal's, or ``exception``.
        step: Optimizer step before which nothing happens.
        micro_batch: Of that step, where it happens at the earliest.
        rank: The one that is hit.
        delay_s: From the beginning of the step to the signal; None = the rank does it itself, and at once.
    """

    name: str
    step: int
    micro_batch: int = 0
    rank: int = 0
    delay_s: float | None = None


@dataclass(frozen=True)
class Life:
    """One life of a run.

    Args:
        number: In the run.
        ranks: Processes that train.
        micro_batch_size: Samples a rank has at once.
        num_workers: On each rank.
        kill: None = it trains to the end.
    """

    number: int = 0
    ranks: int = 1
    micro_batch_size: int = 2
    num_workers: int = 0
    kill: Kill | None = None


def live(world: World, folder: Path, life: Life) -> None:
    """Train from the run's last checkpoint, or from the beginning, to the end or the kill."""
    torch.set_num_threads(1)
    data = ConPairDataModule(
        str(world.root),
        size_px=SIZE_PX,
        global_batch_size=GLOBAL_BATCH,
        micro_batch_size=life.micro_batch_size,
        num_workers=life.num_workers,
        val_fraction=0.1,
        mirror=True,
    )
    last = resolve_checkpoint("last", str(folder))
    trainer_of(world, folder, life).fit(world.module(), data, ckpt_path=last, weights_only=True)


def trainer_of(world: World, folder: Path, life: Life) -> Trainer:
    settings = {"max_steps": -1, "max_epochs": -1, "val_check_interval": 25, "gradient_clip_val": 1.0}
    return quiet_trainer(
        devices=life.ranks,
        strategy="ddp" if life.ranks > 1 else "auto",
        enable_checkpointing=True,
        default_root_dir=folder,
        logger=JournalLogger(),
        callbacks=[
            *world.losses(),
            world.curriculum(),
            EMA(0.9),
            Journal(folder, life),
            Victim(folder, life),
            Checkpoint(checkpoints_folder(str(folder)), every_n_train_steps=world.checkpoint_steps),
            Preemption(),
        ],
        **(settings | dict(world.settings)),
    )


class Undrawn(Curriculum):
    """Draws no timeline: in short lives that is half of the time."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        pass


class Keeper(Recorder):
    """Remembers of every sample trained on: its global index and its key."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, str, str]] = []

    def training_step(self, batch: PairBatch, batch_idx: int) -> torch.Tensor:
        self.seen += [(index, key, "") for index, key in zip(batch.indices, batch.keys, strict=True)]
        return super().training_step(batch, batch_idx)


class Witness(ComposeModule):
    """Remembers of every sample trained on: its global index, its key, and a digest of all that was drawn for it."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.seen: list[tuple[int, str, str]] = []

    def denoising_step(self, batch: PairBatch, stream: str = "train", **settings: Any) -> DenoisingStep:
        step = super().denoising_step(batch, stream, **settings)
        if stream == "train":
            self.seen += zip(batch.indices, batch.keys, drawn(step), strict=True)
        return step


class OneCycle(Witness):
    """Asks the Trainer for the number of steps, and needs it right."""

    def configure_optimizers(self) -> Any:
        optimizer = super().configure_optimizers()["optimizer"]
        schedule = OneCycleLR(optimizer, max_lr=1e-3, total_steps=self.trainer.estimated_stepping_batches)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def drawn(step: DenoisingStep) -> list[str]:
    """Return of each sample a digest of its pixels, as augmented, its noise, timestep and caption dropout."""
    tensors = (step.batch.positive, step.batch.negative, step.noise, step.timesteps, step.dropped)
    return [
        hashlib.sha256(b"".join(each.contiguous().numpy().tobytes() for each in of_sample)).hexdigest()[:16]
        for of_sample in zip(*tensors, strict=True)
    ]


class Journal(Callback):
    """Append a line for every finished optimizer step to a file of this life and rank."""

    def __init__(self, folder: Path, life: Life) -> None:
        self.folder, self.life = folder, life

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        trainer.logger.file = journal(self.folder, self.life.number, trainer.global_rank)  # type: ignore[union-attr]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.step = trainer.global_step

    def on_train_batch_end(self, trainer: Trainer, pl_module: Witness, *_: Any) -> None:
        if trainer.global_step > self.step:
            append(trainer.logger.file, {"step": self.step, "samples": pl_module.seen})  # type: ignore[union-attr]
            self.step, pl_module.seen = trainer.global_step, []


class JournalLogger(Logger):
    """Appends what is logged to the same file."""

    name, version = "journal", 0
    file: Path

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        kept = {name: float(value) for name, value in metrics.items() if name not in NOT_COMPARED}
        if kept:
            append(self.file, {"step": step, "logged": kept})

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        pass


class Victim(Callback):
    """Die at once; or say when the step of the kill has come, and wait for the signal if it does not come soon."""

    def __init__(self, folder: Path, life: Life) -> None:
        self.folder, self.life = folder, life

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        kill, step = self.life.kill, trainer.global_step
        if kill is None or trainer.global_rank != kill.rank:
            return
        if (step, batch_idx % trainer.accumulate_grad_batches) < (kill.step, kill.micro_batch):
            return
        if kill.delay_s is None:
            die(kill.name)
            return
        reached(self.folder, self.life.number).touch()
        while step >= kill.step + STEPS_OF_GRACE and not sent(self.folder, self.life.number).exists():
            time.sleep(0.01)


def die(name: str) -> None:
    """Raise the exception, or send this process the signal."""
    if name == "exception":
        raise CrashError
    os.kill(os.getpid(), signal.Signals[name])


def journal(folder: Path, life: int, rank: int) -> Path:
    return folder / f"life-{life:02d}-rank-{rank}.jsonl"


def reached(folder: Path, life: int) -> Path:
    return folder / f"life-{life:02d}-reached"


def sent(folder: Path, life: int) -> Path:
    return folder / f"life-{life:02d}-sent"


def append(file: Path, line: Mapping[str, Any]) -> None:
    # One write of one line: a kill leaves whole lines.
    with file.open("a") as handle:
        handle.write(json.dumps(line) + "\n")
