"""The losses of a run: which are on, what they need, what they compute, and the heads that they train."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce

import torch
from lightning.pytorch.utilities.rank_zero import rank_zero_info, rank_zero_warn
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from lightning_compose.losses.base import LossCallback
from lightning_compose.needs import Needs
from lightning_compose.step import DenoisingStep

WEIGHTED = "weighted"
# What else is logged beside the terms.
RESERVED_NAMES = frozenset(
    {"denoise", "loss", "lr", "grad_norm", "images_per_s", "stage", "unsupervised_nouns_per_sample", "bad_samples"}
)
NAMES_OF_MODULE_DICT = frozenset(dir(nn.ModuleDict()))


class LossTerms(Mapping[str, LossCallback]):
    """Loss callbacks by name.

    Args:
        heads: Of the module; holds by name what each loss trains.
    """

    def __init__(self, heads: nn.ModuleDict) -> None:
        self.heads = heads
        self._callbacks: dict[str, LossCallback] = {}
        self._head_classes: dict[str, type[LossCallback]] = {}
        self._computed: set[str] = set()
        self._computed_in_optimizer_step: set[str] = set()
        self._warned = False

    def __getitem__(self, name: str) -> LossCallback:
        return self._callbacks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._callbacks)

    def __len__(self) -> int:
        return len(self._callbacks)

    def add(self, callback: LossCallback, build: Callable[[], nn.Module | None]) -> None:
        """Register a loss, and its head unless one just like it is there already.

        Raises:
            ValueError: When the name is taken, cannot name a module, or is one under which something else is logged.
        """
        name = callback.name
        _require_usable(name, self)
        head = build()
        # A head that was trained before is kept, but not for another loss or another shape under its name.
        if self._head_classes.get(name) is not type(callback) or not _are_alike(self.head(name), head):
            self._replace_head(name, head)
        self._head_classes[name] = type(callback)
        self._callbacks[name] = callback

    def remove(self, callback: LossCallback) -> None:
        """Forget a loss; its head stays, with what it learned."""
        if self.get(callback.name) is callback:
            del self._callbacks[callback.name]

    def active(self) -> dict[str, LossCallback]:
        """Return the losses that are on."""
        return {name: callback for name, callback in self.items() if callback.effective_weight != 0}

    def needs(self) -> Needs:
        """Return what the losses that are on need, together."""
        return reduce(Needs.__or__, (callback.needs for callback in self.active().values()), Needs())

    def head(self, name: str) -> nn.Module | None:
        """Return what a loss trains."""
        return self.heads[name] if name in self.heads else None  # noqa: SIM401, a ModuleDict has no get

    # -- the step ------------------------------------------------------------------------------------

    def compute(self, name: str, step: DenoisingStep) -> tuple[Tensor, dict[str, Tensor]]:
        """Return a loss's unweighted term and what it measures.

        Args:
            name: Of the loss.
            step: With the layers that the loss declared.
        """
        callback, head = self[name], self.head(name)
        # Binary cross-entropy on probabilities, for one, refuses autocast.
        with torch.autocast(step.prediction.device.type, enabled=False):
            term = callback.compute(step, head)
            require_scalar(term, f"`compute` of the loss {name!r}")
            with torch.no_grad():
                measured = callback.measure(step, head)
        if WEIGHTED in measured:
            raise ValueError(
                f"Expected the loss {name!r} to measure nothing called {WEIGHTED!r}, the name of its weighted term. "
                "Rename that key."
            )
        self._computed.add(name)
        return term, measured

    @contextmanager
    def micro_batch(self) -> Iterator[None]:
        """Count what is computed inside to the optimizer step; warn once when a loss that is on was not."""
        self._computed.clear()
        yield
        self._computed_in_optimizer_step |= self._computed
        left_out = sorted(self.active().keys() - self._computed)
        if left_out and not self._warned:
            self._warned = True
            rank_zero_warn(
                f"Expected `training_loss` to compute all losses that are on, got none of {left_out}: they train "
                "nothing, and what they need is computed all the same. Return `super().training_loss(step)` or "
                "`self.weighted_term(name, step)` as part of yours, or set their weights to 0."
            )

    def with_heads(self, loss: Tensor) -> Tensor:
        """Return the loss with all heads in its graph, by a factor of zero: DDP stops at parameters that are not."""
        # Shards do not, and an idle head's cannot be added to a whole loss.
        whole = (each for each in self.heads.parameters() if not isinstance(each, DTensor))
        return loss + sum((0.0 * each.sum() for each in whole), loss.new_zeros(()))

    def stop_idle_heads(self) -> None:
        """Set the gradients of heads without a term in the optimizer step to None: by zeros Adam still moves them."""
        for name, head in self.heads.items():
            # A `training_loss` may have used a head by itself.
            if name not in self._computed_in_optimizer_step and not _has_gradient(head):
                head.zero_grad(set_to_none=True)
        self._computed_in_optimizer_step.clear()

    def _replace_head(self, name: str, head: nn.Module | None) -> None:
        if name in self.heads:
            rank_zero_info(f"The head of the loss {name!r} is made anew: the one before has another shape or loss.")
            del self.heads[name]
        if head is not None:
            self.heads[name] = head


def require_scalar(value: object, source: str) -> None:
    """Check what a user's method returned.

    Raises:
        TypeError: When it is no tensor.
        ValueError: When it is a tensor with dimensions.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"Expected {source} to return a scalar tensor, got {type(value).__name__}: {value!r}.")
    if value.ndim:
        raise ValueError(
            f"Expected {source} to return a scalar tensor, got one of shape {tuple(value.shape)}. "
            "Return the mean over the samples."
        )


def _require_usable(name: str, taken: Mapping[str, LossCallback]) -> None:
    logged_twice = name in RESERVED_NAMES or name.endswith(f"_{WEIGHTED}")
    if name in taken or logged_twice or not name or "." in name or name in NAMES_OF_MODULE_DICT:
        raise ValueError(
            f"Expected every loss to have a name of its own without a dot, that does not end in '_{WEIGHTED}' and is "
            f"neither in {sorted(RESERVED_NAMES)} nor an attribute of torch's ModuleDict, got {name!r} beside "
            f"{list(taken)}. Rename its key under `losses:`, or set `callback.name`."
        )


def _are_alike(one: nn.Module | None, other: nn.Module | None) -> bool:
    return type(one) is type(other) and _shapes(one) == _shapes(other)


def _shapes(head: nn.Module | None) -> dict[str, torch.Size]:
    return {} if head is None else {name: value.shape for name, value in head.state_dict().items()}


def _has_gradient(head: nn.Module) -> bool:
    return any(each.grad is not None and bool(each.grad.any()) for each in head.parameters())


def require_finite(loss: Tensor, keys: Sequence[str], global_step: int) -> None:
    """Check that the loss of a micro-batch is a number.

    Args:
        loss: A scalar.
        keys: Of the samples.
        global_step: Optimizer steps done.

    Raises:
        FloatingPointError: When it is not.
    """
    if not torch.isfinite(loss):
        raise FloatingPointError(
            f"Expected a finite loss, got {loss.item()} at optimizer step {global_step} on samples {keys}. "
            "Look at them with `shards show`, lower the learning rate, or clip the gradients."
        )
