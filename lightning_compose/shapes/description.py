"""What a caption states of a scene, before it is put into words; text, nouns and questions follow from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """Objects that one noun stands for.

    Args:
        shape: The noun.
        objects: Their indices in the scene.
        color: None if the caption does not say.
        texture: None if the caption does not say.
        counted: Whether the caption says how many they are; else there is one.
    """

    shape: str
    objects: tuple[int, ...]
    color: str | None = None
    texture: str | None = None
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Relation:
    """`name` is one of `relations.RELATIONS`; subject and object are indices of groups."""

    name: str
    subject: int
    object: int


@dataclass(frozen=True, slots=True)
class Description:
    """All that a caption states. `background` is None where the caption does not say."""

    groups: tuple[Group, ...]
    relations: tuple[Relation, ...] = ()
    background: str | None = None
