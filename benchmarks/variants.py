"""The training steps that are compared, all over the same weights."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.optim import AdamW

from benchmarks.measure import Step
from benchmarks.naive import NaiveModule
from lightning_compose import ComposeModule, ConPairDataModule
from lightning_compose.backbones import StableDiffusion
from lightning_compose.data.batch import PairBatch
from lightning_compose.losses import ContrastiveLoss, PixelLoss, TokenLoss

SHARDS = Path(__file__).parents[1] / "data_shards/shapes"
PLAIN, NAIVE = "plain", "naive reference"
LOSSES = {
    PLAIN: (),
    "+ contrastive": ("contrastive",),
    "+ token": ("token",),
    "+ pixel": ("pixel",),
    "+ token + pixel": ("token", "pixel"),
    "+ all three": ("contrastive", "token", "pixel"),
}


@dataclass
class Workbench:
    """One module with all three losses, its optimizer, and a batch to step on.

    Args:
        module: Holds the weights.
        batch: On the module's device.
        bf16: Whether the U-Net computes in bfloat16, as under ``trainer.precision: bf16-mixed``.
    """

    module: ComposeModule
    batch: PairBatch
    bf16: bool = False

    def __post_init__(self) -> None:
        self.trained = [each for each in self.module.parameters() if each.requires_grad]
        self.weights = {name: callback.weight for name, callback in self.module.losses.items()}
        on_meta = self.module.device.type == "meta"
        self.optimizer = AdamW(self.trained, lr=1e-6, fused=not on_meta, foreach=on_meta)

    def steps(self) -> dict[str, Step]:
        """Return one training step for each choice of losses, and the reference's."""
        naive = NaiveModule(self.module)
        own = {name: self._own_step(losses) for name, losses in LOSSES.items()}
        return {**own, NAIVE: self._naive_step(naive)}

    def held_bytes(self) -> int:
        """Return the bytes of trained weights and of the optimizer's state."""
        states = [each for state in self.optimizer.state.values() for each in state.values()]
        return sum(each.numel() * each.element_size() for each in [*self.trained, *states])

    def run(self, module: ComposeModule) -> None:
        """Take one step: forward, backward and optimizer."""
        with self._precision():
            loss = module.training_loss(module.denoising_step(self.batch))
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()

    def _precision(self) -> AbstractContextManager[object]:
        return torch.autocast(self.module.device.type, torch.bfloat16) if self.bf16 else nullcontext()

    def _own_step(self, losses: Iterable[str]) -> Step:
        def step() -> None:
            for name, callback in self.module.losses.items():
                callback.weight = self.weights[name] if name in losses else 0.0
            self.run(self.module)

        return step

    def _naive_step(self, naive: NaiveModule) -> Step:
        def step() -> None:
            self.run(naive)
            naive.forget()

        return step


def with_losses(backbone: StableDiffusion) -> ComposeModule:
    """Return a module with the three losses in their default settings."""
    module = ComposeModule(backbone, caption_dropout=0.0)
    for name, callback in {"contrastive": ContrastiveLoss(), "token": TokenLoss(), "pixel": PixelLoss()}.items():
        callback.name = name
        module.add_loss(callback)
    return module


def read_batch(size_px: int, batch_size: int) -> PairBatch:
    """Return pairs of the embedded world, resized."""
    data = ConPairDataModule(
        str(SHARDS), size_px=size_px, global_batch_size=batch_size, micro_batch_size=batch_size, num_workers=0
    )
    data.setup("fit")
    return next(iter(data.train_dataloader()))
