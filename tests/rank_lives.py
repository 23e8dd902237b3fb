"""What the ranks of a test do: functions that a forked process can import."""

import os
import resource
import signal
import time
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.strategies import DDPStrategy
from recorder import Recorder, quiet_trainer

from lightning_compose.callbacks.checkpoint import Checkpoint
from lightning_compose.callbacks.preemption import Preemption
from lightning_compose.cli import main
from lightning_compose.data.datamodule import ConPairDataModule

STEP_S = 0.02
FAR_AWAY = 100_000


class Beacon(Callback):
    """Leave a file with the process's number for every step that a rank begins, and go slowly enough to be caught."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        file = beacon(self.folder, trainer.global_rank, trainer.global_step)
        partial = file.with_name(f".{file.name}")
        partial.write_text(str(os.getpid()))
        partial.replace(file)
        time.sleep(STEP_S)


class FailAt(Callback):
    """One rank raises at the start of a step; the others are then in a collective."""

    def __init__(self, rank: int, step: int) -> None:
        self.rank, self.step = rank, step

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        if (trainer.global_rank, trainer.global_step) == (self.rank, self.step):
            raise ArithmeticError("this rank has had enough")


class DieIn(Callback):
    """Kill the process at some moment of saving the checkpoint of a step."""

    def __init__(self, moment: str, step: int) -> None:
        self.moment, self.step = moment, step

    def on_save_checkpoint(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            getattr(self, self.moment)()

    def half_written(self) -> None:
        # The kernel kills a process that writes a larger file.
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    def before_its_name(self) -> None:
        Path.replace = _die

    def before_its_link(self) -> None:
        Checkpoint._link_checkpoint = staticmethod(_die)

    def before_the_previous_is_removed(self) -> None:
        Checkpoint._remove_checkpoint = _die


def _die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def beacon(folder: Path, rank: int, step: int) -> Path:
    return folder / f"rank{rank}-step{step}"


def fit(
    root: Path,
    folder: Path,
    *callbacks: Callback,
    num_workers: int = 0,
    keep: int = -1,
    ckpt_path: str | None = None,
    **settings: Any,
) -> Recorder:
    """Train on two ranks, or as `settings` say; a checkpoint every four steps, every step's metric in a CSV file."""
    torch.set_num_threads(1)
    module = Recorder()
    data = ConPairDataModule(
        str(root), size_px=8, global_batch_size=4, micro_batch_size=1, num_workers=num_workers, val_fraction=0.2
    )
    defaults = {"max_steps": FAR_AWAY, "devices": 2, "strategy": "ddp", "val_check_interval": FAR_AWAY}
    checkpoint = Checkpoint(str(folder / "checkpoints"), every_n_train_steps=4, save_top_k=keep)
    trainer = quiet_trainer(
        callbacks=[*callbacks, checkpoint, Preemption()],
        enable_checkpointing=True,
        logger=CSVLogger(folder, name="csv", version=0, flush_logs_every_n_steps=FAR_AWAY),
        default_root_dir=folder,
        **(defaults | settings),
    )
    trainer.fit(module, data, ckpt_path=ckpt_path, weights_only=True)
    return module


def paced(root: Path, folder: Path, num_workers: int = 0) -> None:
    fit(root, folder, Beacon(str(folder)), num_workers=num_workers)


def failing(root: Path, folder: Path, rank: int, step: int, strategy: str = "ddp") -> None:
    fit(root, folder, FailAt(rank, step), strategy=strategy)


def counting(root: Path, folder: Path, steps: int) -> None:
    """Leave the number of micro-batches that each rank trained and validated on."""
    module = fit(root, folder, max_steps=steps, val_check_interval=2)
    counts = f"{len(module.trained)} {len(module.validated)}"
    Path(folder, f"rank{module.global_rank}").write_text(counts)


def dying(root: Path, folder: Path, moment: str, temporary: Path) -> None:
    os.environ["TMPDIR"] = str(temporary)
    fit(root, folder, DieIn(moment, step=8), devices=1, strategy="auto", keep=1)


def finishing(root: Path, folder: Path, steps: int) -> None:
    last = str(folder / "checkpoints/last.ckpt")
    fit(root, folder, devices=1, strategy="auto", keep=1, max_steps=steps, ckpt_path=last)


def one_of_a_group(root: Path, folder: Path, steps: int, accelerator: str, backend: str) -> None:
    """Train on the only rank of a process group, from the last checkpoint if there is one; leave the steps done."""
    last = folder / "checkpoints/last.ckpt"
    module = fit(
        root,
        folder,
        devices=1,
        accelerator=accelerator,
        strategy=DDPStrategy(process_group_backend=backend),
        max_steps=steps,
        ckpt_path=str(last) if last.exists() else None,
    )
    if torch.distributed.get_backend() != backend:
        raise AssertionError(f"Expected {backend}, got {torch.distributed.get_backend()}.")
    with (folder / "trained").open("a") as file:
        file.writelines(f"{step}\n" for step in module.samples_by_step())


def command(folder: Path, *arguments: str) -> None:
    """Run the command line in a folder."""
    torch.set_num_threads(1)
    os.chdir(folder)
    main(arguments)
