"""The frame of a pretraining run: its schedule, log, checkpoints and command line.

A recipe brings settings, a model, the loss of a step and what the log measures::

    class ClipRun(Run):
        def losses(self, step):
            return {"loss": self.model(**batch(step), return_loss=True).loss}

        def measure(self, losses):
            return losses | evaluate(self.model)
"""

from __future__ import annotations

import argparse
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor, nn
from tqdm import tqdm

from lightning_compose.shapes.pretraining.muon import MuonAdamW
from lightning_compose.shapes.pretraining.schedule import warmup_cosine
from lightning_compose.shapes.pretraining.table import write_table


@dataclass(frozen=True)
class Settings:
    """The settings that every run has.

    Args:
        out: Folder of the run: checkpoint, log and what it makes.
        steps: Optimizer steps of the whole run, warm-up and cosine decay included.
        seed: Names what is drawn, and the weights' start.
        batch_size: Images a step.
        learning_rate: At its highest.
        warmup_steps: Of linear increase.
        log_interval_steps: Steps between lines of the log.
        checkpoint_interval_s: Seconds between checkpoints.
    """

    out: Path
    steps: int
    seed: int
    batch_size: int
    learning_rate: float
    warmup_steps: int
    log_interval_steps: int
    checkpoint_interval_s: float = 300.0


SettingsT = TypeVar("SettingsT", bound=Settings)


def read_settings(kind: type[SettingsT], description: str, argv: Sequence[str] | None) -> SettingsT:
    """Read settings from the command line.

    Args:
        kind: Of settings; its defaults are the options'.
        description: Of the command.
        argv: The arguments; None = those of the process.
    """
    defaults = {field.name: field.default for field in fields(kind)}
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; an old run there is continued")
    parser.add_argument("--steps", type=int, required=True, help="optimizer steps of the whole run")
    parser.add_argument("--seed", type=int, default=defaults["seed"])
    parser.add_argument("--batch_size", type=int, default=defaults["batch_size"])
    parser.add_argument("--learning_rate", type=float, default=defaults["learning_rate"])
    return kind(**vars(parser.parse_args(argv)))


class Run(ABC):
    """What changes while training: the weights, the optimizer and the step.

    Args:
        settings: Of the run.
        model: What is trained.
        parameters: Its parameters or groups of them, for `MuonAdamW`.
    """

    # Attributes that the checkpoint holds.
    parts: ClassVar[tuple[str, ...]] = ("model", "optimizer")

    def __init__(self, settings: Settings, model: nn.Module, parameters: Iterable[Any]) -> None:
        self.settings = settings
        self.model = model
        self.optimizer = MuonAdamW(parameters)
        self.step = 0
        self.log: list[dict[str, float]] = []
        self.saved_at_s = time.monotonic()

    @abstractmethod
    def losses(self, step: int) -> dict[str, Tensor]:
        """Compute what the batch of a step gives: ``loss``, which is minimised, and terms to log."""

    @abstractmethod
    def measure(self, losses: dict[str, float]) -> dict[str, float]:
        """Return a line of the log, beside the step, from the losses of the last one."""

    def train(self) -> None:
        """Train to the end; a run that was cut off goes on from its checkpoint."""
        self.settings.out.mkdir(parents=True, exist_ok=True)
        self.restore()
        for step in tqdm(range(self.step, self.settings.steps), initial=self.step, total=self.settings.steps):
            self.advance(step)
        self.save()

    def advance(self, step: int) -> None:
        """Take one optimizer step; log and save where they are due."""
        losses = self.optimize(step)
        self.step = step + 1
        if self.step % self.settings.log_interval_steps == 0 or self.step == self.settings.steps:
            self.log.append({"step": self.step} | self.measure(losses))
            write_table(self.settings.out / "log.csv", self.log)
        if time.monotonic() - self.saved_at_s > self.settings.checkpoint_interval_s:
            self.save()

    def optimize(self, step: int) -> dict[str, float]:
        """Change the weights; return the losses before."""
        losses = self.losses(step)
        losses["loss"].backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate(step)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return {name: loss.item() for name, loss in losses.items()}

    def learning_rate(self, step: int) -> float:
        """Return the rate of a step."""
        settings = self.settings
        return settings.learning_rate * warmup_cosine(step, settings.steps, settings.warmup_steps)

    def save(self) -> None:
        """Write the checkpoint under a temporary name, then rename: a kill leaves the old one whole."""
        state: dict[str, Any] = {"step": self.step, "log": self.log}
        state |= {name: getattr(self, name).state_dict() for name in self.parts}
        torch.save(state, self._checkpoint.with_suffix(".tmp"))
        self._checkpoint.with_suffix(".tmp").replace(self._checkpoint)
        self.saved_at_s = time.monotonic()

    def restore(self) -> None:
        """Go on from the run's checkpoint, if there is one."""
        if not self._checkpoint.exists():
            return
        state = torch.load(self._checkpoint, weights_only=True)
        for name in self.parts:
            getattr(self, name).load_state_dict(state[name])
        self.step, self.log = state["step"], state["log"]

    @property
    def _checkpoint(self) -> Path:
        return self.settings.out / "checkpoint.pt"
