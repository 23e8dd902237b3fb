"""The losses of a run: which are on, what they need, and the heads that they train."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import reduce

from torch import nn

from lightning_compose.losses.base import LossCallback
from lightning_compose.needs import Needs

RESERVED_NAMES = {"denoise", "loss"}


class LossTerms(Mapping[str, LossCallback]):
    """Loss callbacks by name.

    Args:
        heads: Of the module; holds by name what each loss trains.
    """

    def __init__(self, heads: nn.ModuleDict) -> None:
        self.heads = heads
        self._callbacks: dict[str, LossCallback] = {}
        self._head_classes: dict[str, type[LossCallback]] = {}

    def __getitem__(self, name: str) -> LossCallback:
        return self._callbacks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._callbacks)

    def __len__(self) -> int:
        return len(self._callbacks)

    def add(self, callback: LossCallback, build: Callable[[], nn.Module | None]) -> None:
        """Register a loss, and its head unless that is there already.

        Raises:
            ValueError: When the name is taken or cannot name a module.
        """
        name = callback.name
        if name in self or name in RESERVED_NAMES or "." in name:
            raise ValueError(
                f"Expected every loss to have a name of its own without a dot, other than 'denoise' and 'loss', got "
                f"{name!r} beside {list(self)}. Rename its key under `losses:`, or set `callback.name`."
            )
        self._callbacks[name] = callback
        # A head that was trained before is kept, but not for a loss of another class that took its name.
        if self._head_classes.get(name) is not type(callback):
            self._replace_head(name, build())
            self._head_classes[name] = type(callback)

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

    def idle_heads(self) -> list[nn.Module]:
        """Return the heads of losses that are off or no longer listed."""
        active = self.active()
        return [head for name, head in self.heads.items() if name not in active]

    def _replace_head(self, name: str, head: nn.Module | None) -> None:
        if name in self.heads:
            del self.heads[name]
        if head is not None:
            self.heads[name] = head
