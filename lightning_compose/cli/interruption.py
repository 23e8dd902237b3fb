"""What a person reads who stops a training."""

from __future__ import annotations

import signal

from lightning.pytorch import Callback, LightningModule, Trainer

from lightning_compose.callbacks.preemption import Preempted
from lightning_compose.cli import run_folder
from lightning_compose.inference import read_checkpoint

# As a shell reports a process that this signal ended.
TERMINATED = 128 + signal.SIGTERM


class Interruption(Callback):
    """Say where a training stopped by Ctrl-C or a signal stands, and from where it can go on."""

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if isinstance(exception, KeyboardInterrupt | Preempted) and trainer.is_global_zero:
            print(f"Interrupted at step {trainer.global_step}; {_way_on(trainer.default_root_dir)}", flush=True)


def _way_on(run_dir: str) -> str:
    checkpoint = run_folder.last_checkpoint(run_dir)
    if checkpoint is None:
        return "there is no checkpoint yet"
    return f"go on with --ckpt_path last, the latest checkpoint is of step {read_checkpoint(checkpoint)['global_step']}"
