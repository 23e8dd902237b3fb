"""Training in shards: weights, gradients and the optimizer's state divided among all ranks."""

from __future__ import annotations

import atexit
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.strategies import ModelParallelStrategy, StrategyRegistry
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.optim import Optimizer

from lightning_compose.callbacks.attention_maps import AttentionMaps
from lightning_compose.callbacks.samples import SampleGrid
from lightning_compose.process_group import leave_process_group

WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)
NAME = "fully_sharded"


class FullySharded(ModelParallelStrategy):
    """Shard what is trained over all ranks, by torch's fully_shard (FSDP2): for models that fit no single card.

    A checkpoint is one file, as without shards: a run goes on with any number of ranks, sharded or not.

    Args:
        timeout_minutes: How long ranks wait for each other.
        process_group_backend: ``nccl`` or ``gloo``; None = what fits the device.

    Raises:
        ValueError: At the start of a training that would draw pictures: a rank alone has no whole model to draw with.
    """

    def __init__(self, timeout_minutes: float = 30.0, process_group_backend: str | None = None) -> None:
        super().__init__(
            save_distributed_checkpoint=False,
            process_group_backend=process_group_backend,
            timeout=timedelta(minutes=timeout_minutes),
        )

    @property
    def lightning_restore_optimizer(self) -> bool:
        # The base class has read it with the weights by then; this one has not.
        return True

    def setup_environment(self) -> None:
        # Lightning's "auto" shards over the nodes, and splits layers over the ranks of a node.
        self._data_parallel_size = self.num_nodes * self.num_processes
        self._tensor_parallel_size = 1
        super().setup_environment()
        # For scripts: the command line has left it by then.
        atexit.register(leave_process_group)

    def setup(self, trainer: Trainer) -> None:
        _require_no_pictures(trainer)
        super().setup(trainer)

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        """Return the state with parameters by number, as without shards; on rank 0 alone."""
        named = get_optimizer_state_dict(self._whole_model(), optimizer, options=WHOLE)
        return _by_number(named) if self.is_global_zero else {}

    def load_checkpoint(self, checkpoint_path: str | Path, weights_only: bool | None = None) -> dict[str, Any]:
        # Lightning's own loads the weights here, before the module has put back what a checkpoint leaves out.
        return self.checkpoint_io.load_checkpoint(checkpoint_path, map_location="cpu", weights_only=weights_only)

    def load_model_state_dict(self, checkpoint: Mapping[str, Any], strict: bool = True) -> None:
        options = StateDictOptions(full_state_dict=True, strict=strict)
        set_model_state_dict(self._whole_model(), dict(checkpoint["state_dict"]), options=options)

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        # A head that was idle so far has no state.
        options = StateDictOptions(full_state_dict=True, strict=False)
        for optimizer, state in zip(self.optimizers, checkpoint["optimizer_states"], strict=True):
            named = _by_name(state, self._names_of(optimizer))
            set_optimizer_state_dict(self._whole_model(), optimizer, named, options=options)
            # torch has made it one, and counts a step for it that never was.
            for name, parameter in self._whole_model().named_parameters():
                if name not in named["state"]:
                    optimizer.state.pop(parameter, None)

    def _whole_model(self) -> nn.Module:
        if self.model is None:
            raise RuntimeError("Expected a strategy that was given its model, got one before any training.")
        return self.model

    def _names_of(self, optimizer: Optimizer) -> list[str]:
        names = {id(each): name for name, each in self._whole_model().named_parameters()}
        return [names[id(each)] for group in optimizer.param_groups for each in group["params"]]


def _by_number(named: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {name: number for number, name in enumerate(_listed(named["param_groups"]))}
    groups = [{**group, "params": [numbers[name] for name in group["params"]]} for group in named["param_groups"]]
    return {"state": {numbers[name]: each for name, each in named["state"].items()}, "param_groups": groups}


def _by_name(state: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    groups = [{**group, "params": [names[number] for number in group["params"]]} for group in state["param_groups"]]
    # Tensors are taken apart in place.
    values = {names[number]: _copied(each) for number, each in state["state"].items()}
    return {"state": values, "param_groups": groups}


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: each.clone() if isinstance(each, Tensor) else each for key, each in values.items()}


def _listed(groups: list[dict[str, Any]]) -> list[str]:
    return [name for group in groups for name in group["params"]]


def _require_no_pictures(trainer: Trainer) -> None:
    if trainer.state.fn != TrainerFn.FITTING:
        return
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        grid = isinstance(callback, SampleGrid) and callback.prompts
        if grid or (isinstance(callback, AttentionMaps) and callback.images):
            raise ValueError(
                f"Expected no pictures during a sharded training, got {type(callback).__name__}: no rank has a whole "
                "model. Set --pictures.prompts [] --attention_maps.images 0, and draw with `predict`."
            )


# So that a command line can name it: --trainer.strategy fully_sharded.
StrategyRegistry.register(NAME, FullySharded, "Weights, gradients and optimizer in shards on all ranks")
