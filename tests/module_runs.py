"""Short trainings of a tiny module on batches that are ready, for the tests of the module."""

from pathlib import Path

import torch
from families import load_backbone
from lightning.pytorch import Callback, Trainer
from torch import nn

from lightning_compose.losses import LossCallback
from lightning_compose.module import ComposeModule


class Scaled(LossCallback):
    """The absolute error times a trained factor: a term with a head."""

    def build(self, module):
        return nn.Linear(1, 1)

    def compute(self, step, head):
        assert not torch.is_autocast_enabled("cpu")
        return head((step.prediction.float() - step.target.float()).abs().mean().view(1)).squeeze()


class Record(Callback):
    """Keep what was logged and the parameters after every step."""

    def __init__(self):
        self.logged, self.heads = [], []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.logged.append({key: float(value) for key, value in trainer.callback_metrics.items()})
        self.heads.append([each.detach().clone() for each in pl_module.heads.parameters()])


def trainer(folder, *callbacks, steps=3, **arguments):
    arguments.setdefault("gradient_clip_val", 1.0)
    return Trainer(
        default_root_dir=folder,
        max_steps=steps,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        **arguments,
    )


def compose_module(pipeline: Path, module_class: type[ComposeModule] = ComposeModule, **arguments) -> ComposeModule:
    arguments.setdefault("optimizer", lambda params: torch.optim.AdamW(params, lr=1e-2))
    return module_class(load_backbone(pipeline), **arguments)
