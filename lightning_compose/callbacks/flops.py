"""What a training has cost so far, in floating point operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry, sdpa_backward_flop_count, sdpa_flop_count, shape_wrapper

from lightning_compose.data.resume import owe_validation

METRIC = "train/flops"
Shape = Sequence[int]


class Flops(Callback):
    """Log ``train/flops``: the operations of all forward and backward passes of the run so far, over all ranks.

    Counted are matrix products, convolutions and attention, a multiplication with its addition as two. One micro-batch
    is counted whenever another set of losses is on than in any before, and stands for all with that set: their shapes
    are equal. The count is part of the checkpoint. Blocks that are compiled are not seen by the counter.

    Args:
        count: Whether to count at all.
        validate_at: Operations; the last step that does not go beyond them is validated, whatever the interval, so
            that runs can be compared at equal cost. Right unless a dearer set of losses than all before begins just
            then. None = no such validation.

    It comes after a `Curriculum` in the Trainer's callbacks, which turns losses on and off.

    Raises:
        ValueError: When there is a `validate_at` but no count.
    """

    def __init__(self, count: bool = False, validate_at: float | None = None) -> None:
        if validate_at is not None and not count:
            raise ValueError(f"Expected `count` with `validate_at`, got {validate_at} alone. Set `count` to true.")
        self.count = count
        self.validate_at = validate_at
        self._validation_step: int | None = None
        self._interval: float | None = None
        self._total = 0
        self._of_losses: dict[str, int] = {}
        self._computed = ""
        self._counter: OperationCounter | None = None

    def state_dict(self) -> dict[str, Any]:
        if not self.count:
            return {}
        counted = {"total": self._total, "of_losses": dict(self._of_losses)}
        return counted | {"validation_step": self._validation_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._total = state_dict["total"]
        self._of_losses = dict(state_dict["of_losses"])
        # Checkpoints from before there was such a step lack it.
        self._validation_step = state_dict.get("validation_step")

    def on_load_checkpoint(self, trainer: Trainer, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        # Saved before that validation, or in the middle of it.
        state = checkpoint.get("callbacks", {}).get(self.state_key) or {}
        if trainer.training and state.get("validation_step") == checkpoint["global_step"]:
            owe_validation(checkpoint)

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.global_step == self._validation_step:
            self._make_validation_due(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: Any) -> None:
        if self._interval is not None:
            trainer.val_check_batch, self._interval = self._interval, None

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if not self.count:
            return
        # What decides about the cost of a micro-batch.
        self._computed = " ".join([str(len(batch)), *sorted(pl_module.losses.active())])
        if self._computed not in self._of_losses:
            self._counter = OperationCounter()
            self._counter.__enter__()

    def on_after_backward(self, trainer: Trainer, pl_module: Any) -> None:
        # Not after the optimizer's step, which takes part in some micro-batches only.
        if self._counter is not None:
            self._of_losses[self._computed] = self._counter.operations
            self._stop_counting()

    def on_exception(self, trainer: Trainer, pl_module: Any, exception: BaseException) -> None:
        self._stop_counting()

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if self.count:
            self._total += self._of_losses[self._computed] * trainer.world_size
            # In float32 it would be right to seven digits only.
            pl_module.log(METRIC, torch.tensor(self._total, dtype=torch.float64))
            if self._is_last_within(trainer, batch_idx):
                self._validation_step = trainer.global_step
                self._make_validation_due(trainer)

    def _is_last_within(self, trainer: Trainer, batch_idx: int) -> bool:
        """Whether an optimizer step has ended after which the next may be beyond `validate_at`."""
        micro_batches = int(trainer.accumulate_grad_batches)
        if self.validate_at is None or self._validation_step is not None or (batch_idx + 1) % micro_batches:
            return False
        next_step = max(self._of_losses.values()) * micro_batches * trainer.world_size
        return self._total + next_step > self.validate_at

    def _make_validation_due(self, trainer: Trainer) -> None:
        # Lightning asks for the interval right after the callbacks; there is no list of steps.
        if self._interval is None:
            self._interval, trainer.val_check_batch = trainer.val_check_batch, 1

    def _stop_counting(self) -> None:
        if self._counter is not None:
            self._counter.__exit__(None, None, None)
            self._counter = None


class OperationCounter(TorchDispatchMode):
    """Count by torch's own formulas; unlike torch's counter it splits no operation up, and so changes no bit."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        formula = FORMULAS.get(func.overloadpacket)
        if formula is not None:
            self.operations += formula(*args, **(kwargs or {}), out_val=result)
        return result


def _attention(query: Shape, key: Shape, value: Shape, *_: Any, **__: Any) -> int:
    return int(sdpa_flop_count(query, key, value))


def _attention_backward(gradient: Shape, query: Shape, key: Shape, value: Shape, *_: Any, **__: Any) -> int:
    return int(sdpa_backward_flop_count(gradient, query, key, value))


# Torch knows those of GPUs, and takes the CPU's for nothing.
FORMULAS = flop_registry | {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: shape_wrapper(_attention),
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: shape_wrapper(_attention_backward),
}
