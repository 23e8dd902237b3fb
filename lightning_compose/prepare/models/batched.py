"""What models share that look at a batch after another."""

from __future__ import annotations

from lightning_compose.arguments import require_at_least


class Batched:
    """Has a name and a batch size.

    Args:
        name: What the rows call it.
        batch_size: Images that are looked at together.
    """

    def __init__(self, name: str, batch_size: int) -> None:
        require_at_least(1, batch_size=batch_size)
        self.name = name
        self._batch_size = batch_size

    def batches(self, count: int) -> list[slice]:
        """Return where the batches lie among so many images."""
        return [slice(start, start + self._batch_size) for start in range(0, count, self._batch_size)]
