"""What was read from an image."""

from __future__ import annotations

from dataclasses import dataclass

from lightning_compose.shapes.scenes import Object


@dataclass(frozen=True, slots=True)
class Seen:
    """An object that an image shows.

    Args:
        item: What it is and where; its size is clipped to those that the world has.
        explained: How much of the object and of the pixels that look like it agree, in [0, 1].
    """

    item: Object
    explained: float


@dataclass(frozen=True, slots=True)
class Reading:
    """A background, None where none fits, and the objects before it, the last one on top."""

    background: str | None
    objects: tuple[Seen, ...]

    @property
    def items(self) -> tuple[Object, ...]:
        """The objects alone."""
        return tuple(seen.item for seen in self.objects)
