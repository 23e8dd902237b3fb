"""Which features of the shards are cached."""

from __future__ import annotations

from dataclasses import dataclass

from lightning_compose.arguments import require_at_least


@dataclass(frozen=True)
class FeaturesSettings:
    """Of the feature cache, as `shards cache` has them.

    Args:
        configs: Of the training that will read it; each is laid over those before.
        processes: Each with a model of its own.
        batch_size: Samples that a process encodes at once.
        device: Such as ``"cuda"``; ``"auto"`` = a GPU where there is one.
    """

    configs: tuple[str, ...]
    processes: int = 1
    batch_size: int = 16
    device: str = "auto"

    def __post_init__(self) -> None:
        require_at_least(1, configs=len(self.configs), processes=self.processes, batch_size=self.batch_size)
