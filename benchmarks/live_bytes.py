"""How many bytes of tensors are alive at once while code runs on fake tensors, which have shapes and no content."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only


class LiveBytes(TorchDispatchMode):
    """Count the bytes of the tensors that operations inside make, until each is freed; views count once.

    `now` is what is alive, `peak` the most that ever was since `restart`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._seen: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    def restart(self) -> None:
        """Forget the peak."""
        self.peak = self.now

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        outputs = func(*args, **(kwargs or {}))
        for each in tree_leaves(outputs):
            if isinstance(each, Tensor):
                self._add(each)
        return outputs

    def _add(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage in self._seen:
            return
        size = storage.nbytes()
        self._seen[storage] = size
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._free, size)

    def _free(self, size: int) -> None:
        self.now -= size


@contextmanager
def autocast_as_on_cuda() -> Iterator[None]:
    """Compute normalisations in float32 where the CPU's autocast is on, as CUDA's does.

    Around the backward pass too: there gradient checkpointing runs parts of the forward again.
    """
    with (
        patch.object(F, "layer_norm", _in_float32(F.layer_norm)),
        patch.object(F, "group_norm", _in_float32(F.group_norm)),
    ):
        yield


def _in_float32(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def compute(*args: Any, **kwargs: Any) -> Tensor:
        if torch.is_autocast_enabled("cpu"):
            args, kwargs = tree_map_only(Tensor, Tensor.float, (args, kwargs))
        return function(*args, **kwargs)

    return compute
