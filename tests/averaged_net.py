"""A net that trains in milliseconds, and what its weights and their average were at every step."""

import torch
from lightning.pytorch import Callback, LightningModule
from torch import nn
from torch.utils.data import DataLoader

from lightning_compose.callbacks.ema import EMA

DATA = DataLoader([torch.randn(4, 3, generator=torch.Generator().manual_seed(0))] * 50, batch_size=None)
VALIDATED = {"val_check_interval": 1, "check_val_every_n_epoch": None, "num_sanity_val_steps": 1}


class Net(LightningModule):
    """Two trained layers of one shape, so that a mix-up of names would pass unnoticed by shape, and a frozen one."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.first, self.second, self.frozen = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3)
        self.frozen.requires_grad_(False)

    def training_step(self, batch, batch_idx):
        return self.second(self.first(self.frozen(batch)).tanh()).square().mean()

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", self.training_step(batch, batch_idx))

    def test_step(self, batch, batch_idx):
        pass

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=0.1)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.9)]


class Record(Callback):
    """Keep the weights after every optimizer step, and what every validation batch saw."""

    def __init__(self) -> None:
        self.trained, self.validated, self.averages, self.tested = [], [], [], []

    def on_train_start(self, trainer, pl_module):
        self.at_start = average(trainer)

    def on_train_batch_end(self, trainer, pl_module, *_):
        if trainer.global_step > len(self.trained):
            self.trained.append(values(pl_module))

    def on_validation_batch_start(self, trainer, pl_module, *_):
        self.validated.append(values(pl_module))
        self.averages.append(average(trainer))

    def on_test_batch_start(self, trainer, pl_module, *_):
        self.tested.append(values(pl_module))


def values(module):
    return {name: each.detach().clone() for name, each in module.named_parameters() if each.requires_grad}


def average(trainer):
    states = [each.state_dict() for each in trainer.callbacks if isinstance(each, EMA)]
    return {name: each.clone() for state in states for name, each in state.get("average", {}).items()}


def same(left, right):
    """Whether both hold the same values, and any at all."""
    return bool(left) and left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)
