"""The contract of a loss: the callback declares, the module owns, `training_step` asks."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, cast

from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from torch import Tensor, nn

from lightning_compose.needs import Needs
from lightning_compose.step import DenoisingStep

if TYPE_CHECKING:
    from lightning_compose.module import ComposeModule


class LossCallback(Callback):
    """One term of the training loss: subclass, implement `compute`, list it under ``losses:`` in the config.

    Args:
        weight: Factor of the term in the training loss, finite and at least 0; 0 = off, the term is not computed.
            May be set anew at any time.

    A complete example, the mean absolute error beside the usual squared one::

        class AbsoluteError(LossCallback):
            def compute(self, step, head):
                return (step.prediction - step.target).abs().mean()

    What the term reads beside the denoiser's prediction, it declares in `needs`. The callback holds settings and owns
    no tensors: what it trains is built in `build` and belongs to the module, which moves, wraps, optimises and
    checkpoints it. `name` is the key under ``losses:``, else the class's name in snake case; it names the head and the
    logs.
    """

    needs = Needs()
    # What a curriculum multiplies the weight by at the present step.
    factor: float = 1.0

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight
        self.name = _snake_case(type(self).__name__)

    @property
    def weight(self) -> float:
        """Factor of the term in the training loss, finite and at least 0; 0 = off."""
        return self._weight

    @weight.setter
    def weight(self, weight: float) -> None:
        if not (math.isfinite(weight) and weight >= 0):
            raise ValueError(f"Expected `weight` to be finite and at least 0, got {weight}. 0 switches the loss off.")
        self._weight = weight

    @property
    def effective_weight(self) -> float:
        """The term's factor in the loss of the present step; 0 = off."""
        return self.weight * self.factor

    def build(self, module: ComposeModule) -> nn.Module | None:
        """Return what this term trains, such as a projection head, or None."""
        return None

    def compute(self, step: DenoisingStep, head: nn.Module | None) -> Tensor:
        """Return the unweighted term: a float32 scalar, the mean over all samples of the batch.

        Of attention and features, `step` holds those that this loss declared in `needs`, and no others. A sample
        without supervision counts zero, and a batch with nothing to supervise gives a zero with a graph. Autocast is
        off here.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `compute(step, head)`.")

    def measure(self, step: DenoisingStep, head: nn.Module | None) -> dict[str, Tensor]:
        """Return what a person wants to see beside the term, by name.

        Each a value a sample, ``[b]``; logged as ``train/NAME_KEY`` and ``val/NAME_KEY``. The keys must be the same on
        every rank and for every batch, or the ranks' means would mix: give NaN for samples to which a value does not
        apply. Computed without gradient.
        """
        return {}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        _require_initialised(self)
        # The one hook that runs before restore, device move, DDP's wrap and configure_optimizers: heads made here
        # are moved, wrapped, optimised and restored on the standard path.
        _compose_module(pl_module).add_loss(self)
        if self.weight != 0 and self.needs.negatives:
            _require_negatives(self.name, getattr(trainer, "datamodule", None))

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        # The module may be trained again with other losses; the head stays with the module.
        _compose_module(pl_module).remove_loss(self)


def _compose_module(module: LightningModule) -> ComposeModule:
    # By what it can do: the module imports this file, so this one must not import the module.
    if not hasattr(module, "add_loss"):
        raise TypeError(f"Expected a ComposeModule to add a loss to, got {type(module).__name__}.")
    return cast("ComposeModule", module)


def _require_initialised(loss: LossCallback) -> None:
    if "_weight" not in vars(loss):
        raise TypeError(
            f"Expected `{type(loss).__name__}.__init__` to call `super().__init__(weight)`, which it did not. Call it."
        )


def _require_negatives(name: str, datamodule: LightningDataModule | None) -> None:
    if getattr(datamodule, "negatives", True) is False:
        raise ValueError(
            f"Expected `data.negatives: true`, because the loss {name!r} compares with the negative images, got false. "
            "Set --data.negatives=true, or the loss's weight to 0."
        )


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
