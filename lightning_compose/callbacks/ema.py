"""An average of the trained weights over the optimizer steps: what is validated, drawn and used in the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, Literal

import torch
from diffusers.training_utils import EMAModel
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.rank_zero import rank_zero_info, rank_zero_warn
from torch import Tensor, nn

Weights = Literal["average", "trained"]
STATE_KEY = "EMA"


class EMA(Callback):
    """Keep an exponential moving average of the trained weights, for validation, pictures and what comes after.

    Args:
        decay: Of the average in an optimizer step, in [0, 1), such as 0.9999; 0 = no average.
        update_after_step: Optimizer steps over which the average is a copy of the weights.
        use_ema_warmup: How the decay rises to `decay` over n steps: 1 - (1 + n / inv_gamma)^-power instead of
            (1 + n) / (10 + n).
        inv_gamma: Above 0.
        power: Above 0; 2/3 for a million steps and more, 3/4 for fewer.

    The names and the schedule are those of diffusers' `EMAModel`, which does the averaging. The average is part of the
    checkpoint, beside the trained weights, which are never replaced in it. `averaged` puts it in their place for a
    while.
    """

    # What takes the weights' place in validation and test; the average where there is one, unless it is "trained".
    weights: Weights = "average"

    def __init__(
        self,
        decay: float = 0.0,
        update_after_step: int = 0,
        use_ema_warmup: bool = False,
        inv_gamma: float = 1.0,
        power: float = 2 / 3,
    ) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"Expected `decay` to be in [0, 1), got {decay}. 0 = no average.")
        if update_after_step < 0:
            raise ValueError(f"Expected `update_after_step` to be at least 0, got {update_after_step}.")
        if not (inv_gamma > 0 and power > 0):
            raise ValueError(f"Expected `inv_gamma` and `power` to be above 0, got {inv_gamma} and {power}.")
        self.decay = decay
        self._schedule = {
            "decay": decay,
            "update_after_step": update_after_step,
            "use_ema_warmup": use_ema_warmup,
            "inv_gamma": inv_gamma,
            "power": power,
        }
        self._average: NamedAverage | None = None
        self._module: LightningModule | None = None
        self._is_left_over = False
        self._own_values: dict[str, Tensor] = {}
        self._evaluation = ExitStack()

    @property
    def state_key(self) -> str:
        # The same for a subclass: `saved_average` looks for it.
        return STATE_KEY

    # -- the average ---------------------------------------------------------------------------------

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit" and self.decay:
            _require_whole_parameters(trainer)
        # A test right after training needs the average still, but not one of another module.
        if stage == "fit" or pl_module is not self._module:
            self._average = None
        self._is_left_over = self._average is not None
        self._module = pl_module

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        # Called before `load_state_dict`, and also where the checkpoint has no state for that.
        self._average = None
        if self.decay and trainer.training and not saved_average(checkpoint):
            rank_zero_info("The checkpoint has no averaged weights: the average starts from its trained ones.")

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._average = NamedAverage(state_dict["average"], state_dict["updates"], self._schedule)
        self._is_left_over = False

    def state_dict(self) -> dict[str, Any]:
        if self._average is None:
            return {}
        return {"average": self._average.tensors(), "updates": self._average.updates}

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Here the heads of all losses are built, the checkpoint is restored, and everything is on its device.
        if not self.decay:
            self._drop()
            return
        parameters = trained_parameters(pl_module)
        average = self._restored_or_new(parameters)
        average.to(pl_module.device)
        in_order = [parameters[name] for name in average.names]
        # By this hook and not by `on_train_batch_end`: it fires once an optimizer step and not once a micro-batch, and
        # before any callback can save or draw. It ends with the optimizer, which every fit makes anew.
        trainer.optimizers[0].register_step_post_hook(lambda *_: average.update(in_order))
        self._average = average
        _warn_of_checkpoints_without_it(trainer)

    def _drop(self) -> None:
        if self._average is not None:
            rank_zero_info("The checkpoint's averaged weights are dropped: `ema.decay` is 0.")
        self._average = None

    def _restored_or_new(self, parameters: Mapping[str, nn.Parameter]) -> NamedAverage:
        if self._average is None:
            return NamedAverage(parameters, 0, self._schedule)
        _require_same_names(self._average.names, parameters)
        return self._average

    # -- in place of the trained weights -------------------------------------------------------------

    @contextmanager
    def in_place(self, module: LightningModule) -> Iterator[None]:
        """Hold the average in the module's parameters meanwhile; then they get their own values back, bit for bit."""
        if self._average is None or self.weights == "trained" or self._own_values:
            yield
            return
        tensors = self._average.tensors()
        parameters = {name: each for name, each in module.named_parameters() if name in tensors}
        # Not on the GPU, where a validation may need the memory.
        self._own_values = {name: each.detach().to("cpu", copy=True) for name, each in parameters.items()}
        _copy(tensors, parameters)
        try:
            yield
        finally:
            _copy(self._own_values, parameters)
            self._own_values = {}

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        # Whoever saves in the middle of a validation saves the trained weights.
        checkpoint["state_dict"].update(self._own_values)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._begin_evaluation(trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._evaluation.close()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._begin_evaluation(trainer, pl_module)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._evaluation.close()

    def _begin_evaluation(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # A checkpoint of weights only reaches none of the hooks above, and a training's average is not that of others.
        if self._is_left_over and trainer.ckpt_path is not None:
            self._average = None
        self._evaluation.enter_context(self.in_place(pl_module))

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._evaluation.close()


class NamedAverage:
    """diffusers' EMAModel, its tensors by the names of the parameters that they average.

    Args:
        tensors: What the average starts from; copied, and kept in float32.
        updates: Optimizer steps that are in it.
        schedule: Arguments of `EMAModel`.
    """

    def __init__(self, tensors: Mapping[str, Tensor], updates: int, schedule: Mapping[str, Any]) -> None:
        self.names = list(tensors)
        self._model = EMAModel(tensors.values(), **schedule)
        # Half precision would round the small steps of an average away.
        self._model.to(dtype=torch.float32)
        self._model.optimization_step = updates

    @property
    def updates(self) -> int:
        """Optimizer steps that are in it."""
        return self._model.optimization_step

    def tensors(self) -> dict[str, Tensor]:
        """Return the average itself, no copy."""
        return dict(zip(self.names, self._model.shadow_params, strict=True))

    def to(self, device: torch.device) -> None:
        """Move it to the parameters' device."""
        self._model.to(device=device)

    def update(self, parameters: Iterable[nn.Parameter]) -> None:
        """Take in the weights of one more step, in the order of `names`."""
        self._model.step(parameters)


def averaged(trainer: Trainer) -> AbstractContextManager[None]:
    """Hold the average in the parameters meanwhile, where one of the trainer's callbacks keeps one.

    Then the parameters get their own values back, also after an exception.
    """
    kept = [each for each in trainer.callbacks if isinstance(each, EMA)]  # type: ignore[attr-defined]
    return kept[0].in_place(trainer.lightning_module) if kept else nullcontext()


def saved_average(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the averaged weights that a checkpoint holds, by their names in its state dict; empty when none."""
    return checkpoint.get("callbacks", {}).get(STATE_KEY, {}).get("average", {})


def trained_parameters(module: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters that training may change, by name."""
    return {name: each for name, each in module.named_parameters() if each.requires_grad}


@torch.no_grad()
def _copy(values: Mapping[str, Tensor], parameters: Mapping[str, nn.Parameter]) -> None:
    for name, parameter in parameters.items():
        parameter.copy_(values[name])


def _require_whole_parameters(trainer: Trainer) -> None:
    # These strategies also restore callbacks after `on_fit_start`, all others before it.
    if trainer.strategy.restore_checkpoint_after_setup:
        raise ValueError(
            "Expected every rank to hold whole parameters to average them, as ddp does, got "
            f"{type(trainer.strategy).__name__}, which shards them. Change the strategy, or set `ema.decay` to 0."
        )


def _require_same_names(averaged_names: Iterable[str], parameters: Iterable[str]) -> None:
    missing, added = sorted(set(averaged_names) - set(parameters)), sorted(set(parameters) - set(averaged_names))
    if missing or added:
        raise ValueError(
            f"Expected to train the parameters that the checkpoint averages, got none of {missing} and beside them "
            f"{added}. Train the same ones, or drop the average in a life with `ema.decay` 0."
        )


def _warn_of_checkpoints_without_it(trainer: Trainer) -> None:
    if any(getattr(each, "save_weights_only", False) for each in trainer.checkpoint_callbacks):
        rank_zero_warn(
            "Expected checkpoints that hold the averaged weights, got `checkpoint.save_weights_only: true`: these hold "
            "the trained ones alone, and so predict and export use those. Set it to false."
        )
