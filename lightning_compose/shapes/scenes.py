"""A scene as plain typed data: what is where. Lengths are fractions of the image's side, y points down."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from lightning_compose.shapes.palette import BACKGROUNDS, COLORS, SHAPES, TEXTURES

MIN_SIZE = 12 / 64
MAX_SIZE = 0.8
MAX_OBJECTS = 5
VARIANTS = 8


class SceneError(ValueError):
    """A scene that the world does not have."""


@dataclass(frozen=True, slots=True)
class Object:
    """One object.

    Args:
        shape: One of `SHAPES`.
        color: One of `COLORS`.
        texture: One of `TEXTURES`.
        x: Centre, in [0, 1].
        y: Centre, in [0, 1], downwards.
        size: Diameter of the circle that holds it, roughly; in [MIN_SIZE, MAX_SIZE].
    """

    shape: str
    color: str
    texture: str
    x: float
    y: float
    size: float

    def __post_init__(self) -> None:
        _require("shape", self.shape, SHAPES)
        _require("color", self.color, COLORS)
        _require("texture", self.texture, TEXTURES)
        if not MIN_SIZE <= self.size <= MAX_SIZE:
            raise SceneError(f"Expected size in [{MIN_SIZE}, {MAX_SIZE}] of the image's side, got {self.size}.")


@dataclass(frozen=True, slots=True)
class Background:
    """What lies behind the objects: a `kind` of `BACKGROUNDS`, drawn in one of `VARIANTS` ways."""

    kind: str
    variant: int = 0

    def __post_init__(self) -> None:
        _require("background", self.kind, BACKGROUNDS)
        if not 0 <= self.variant < VARIANTS:
            raise SceneError(f"Expected a background's variant in [0, {VARIANTS}), got {self.variant}.")


@dataclass(frozen=True, slots=True)
class Scene:
    """A background and its objects, the last one on top."""

    background: Background
    objects: tuple[Object, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.objects) <= MAX_OBJECTS:
            raise SceneError(f"Expected 1 to {MAX_OBJECTS} objects in a scene, got {len(self.objects)}.")

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types; `from_dict` gives an equal scene back."""
        fields = dataclasses.asdict(self)
        return {**fields, "objects": list(fields["objects"])}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Scene:
        """Build a scene from what `to_dict` returned."""
        return cls(Background(**fields["background"]), tuple(Object(**each) for each in fields["objects"]))


def _require(name: str, value: str, known: tuple[str, ...] | dict[str, Any]) -> None:
    if value not in known:
        raise SceneError(f"Expected {name} to be one of {list(known)}, got {value!r}.")
