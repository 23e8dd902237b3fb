"""End a training that is asked to give way: all ranks at one optimizer step, with a checkpoint of it."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

import torch
from lightning.fabric.plugins.environments import LightningEnvironment
from lightning.pytorch import Callback, LightningModule, Trainer

from lightning_compose.callbacks.checkpoint import Checkpoint

# SIGTERM is what launchers and container runtimes send, SIGUSR1 what SLURM is usually told to send ahead of the limit.
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)

# A listener's states. Only while it listens is a signal kept for the next optimizer step.
_OUTSIDE, _LISTENING, _LEAVING = range(3)


class Preempted(SystemExit):
    """Ends the process in order; `code` is 128 + the signal, 143 for SIGTERM and 138 for SIGUSR1."""


class Preemption(Callback):
    """On SIGTERM or SIGUSR1, save a checkpoint after the next optimizer step and end the process on every rank.

    A signal to any of the ranks is enough: after each optimizer step they agree by one scalar, the largest signal.
    The callbacks `Checkpoint` of the Trainer save that step, once; then `Preempted`, a SystemExit, is raised before the
    next batch or validation. Nothing is drawn or validated any more: the time that is left may be short. The next life
    begins with the validation that was due.

    A second signal changes nothing. One before the first step of training, or outside of it, ends the process at once,
    as without this callback. After the last step of a training there is nothing to give way with: it ends as usual.
    Ranks that Lightning started end with code 0, because it kills all others at once when one of them does not.

    A complete example, whose process ends with code 143 or 138::

        trainer = Trainer(max_epochs=-1, max_steps=1000, callbacks=[Checkpoint("checkpoints"), Preemption()])
        trainer.fit(module, data)

    Lightning's own handlers are not registered: that for SIGTERM starts a collective wherever the rank happens to be,
    and that for SLURM saves in the middle of a step.

    Schedulers may signal a loader's workers too. One that dies of it takes the training with it before the checkpoint:
    give loaders of your own ``worker_init_fn=obey_only_the_parent``, as `ConPairDataModule` does.
    """

    def __init__(self) -> None:
        self._listener: _Listener | None = None
        self._seen_step = self._agreed = 0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._listener = _Listener()
        self._listener.install()
        # There is no setting for it, and no hook between its registration and the start of training.
        trainer._signal_connector.register_signal_handlers = _register_none  # type: ignore[method-assign]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._seen_step, self._agreed = trainer.global_step, 0
        self._installed().state = _LISTENING

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        # Fires once a micro-batch: with accumulation, several times in the same optimizer step.
        if trainer.global_step == self._seen_step:
            return
        self._seen_step = trainer.global_step
        self._agreed = _largest(trainer, self._installed().received)
        if self._agreed:
            for callback in trainer.callbacks:  # type: ignore[attr-defined]
                if isinstance(callback, Checkpoint):
                    callback.save_this_step()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self._leave(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._leave(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if isinstance(exception, Preempted):
            # The handlers stay: launchers signal the ranks that are left, to which loggers and locks may still matter.
            return
        self._uninstall(trainer)
        if trainer.strategy.launcher is not None:
            # The ranks that this one started would wait for it in a collective, which no other signal reaches.
            trainer.strategy.launcher.kill(signal.SIGKILL)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._uninstall(trainer)

    def _uninstall(self, trainer: Trainer) -> None:
        if self._listener is not None:
            self._listener.uninstall()
            self._listener = None
            del trainer._signal_connector.register_signal_handlers

    def _installed(self) -> _Listener:
        if self._listener is None:
            raise RuntimeError("Expected `on_fit_start` before training, got none. Call `super().on_fit_start(...)`.")
        return self._listener

    def _leave(self, trainer: Trainer) -> None:
        is_done = trainer.max_steps != -1 and trainer.global_step >= trainer.max_steps
        if self._agreed and not is_done:
            self._installed().state = _LEAVING
            raise Preempted(0 if _is_started_by_lightning(trainer) else 128 + self._agreed)


class _Listener:
    """Keeps the largest signal while it listens; outside of that, passes it on to whatever was there before."""

    def __init__(self) -> None:
        self.state = _OUTSIDE
        self.received = 0
        self._process = os.getpid()
        self._before = {number: signal.getsignal(number) or signal.SIG_DFL for number in SIGNALS}

    def install(self) -> None:
        # Python allows it nowhere else; Lightning installs no handlers there either.
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, self._handle)

    def uninstall(self) -> None:
        self.state = _OUTSIDE
        if threading.current_thread() is threading.main_thread():
            for number, handler in self._before.items():
                signal.signal(number, handler)

    def _handle(self, number: int, _: FrameType | None) -> None:
        # A forked process inherits the handlers, and is none of the ranks.
        if self.state == _OUTSIDE or os.getpid() != self._process:
            signal.signal(number, self._before[signal.Signals(number)])
            os.kill(os.getpid(), number)
        elif self.state == _LISTENING:
            self.received = max(self.received, number)


def _register_none() -> None:
    """Stand in for Lightning's registration of handlers."""


def _largest(trainer: Trainer, number: int) -> int:
    if trainer.world_size == 1:
        return number
    largest = torch.tensor(number, device=trainer.strategy.root_device)
    torch.distributed.all_reduce(largest, torch.distributed.ReduceOp.MAX)
    return int(largest)


def _is_started_by_lightning(trainer: Trainer) -> bool:
    environment = getattr(trainer.strategy, "cluster_environment", None)
    return isinstance(environment, LightningEnvironment) and trainer.local_rank > 0
