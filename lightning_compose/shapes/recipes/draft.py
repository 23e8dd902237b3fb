"""A pair before it is worded, and the steps that several recipes share."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from lightning_compose.shapes.casting import Traits, draw_cast
from lightning_compose.shapes.description import Description, Group, Relation
from lightning_compose.shapes.layout import Place, scatter
from lightning_compose.shapes.palette import PLAIN
from lightning_compose.shapes.sample import random_background
from lightning_compose.shapes.scenes import Object, Scene

BACKGROUND_STATED = 0.35
COLOR_STATED = 0.6
TEXTURED = 0.25


@dataclass(frozen=True, slots=True)
class Draft:
    """Two scenes, and what the caption of each states of it."""

    positive: Scene
    negative: Scene
    description: Description
    negative_description: Description


@dataclass(frozen=True, slots=True)
class Stated:
    """Which facts a caption states; `plain` = it also says so where an object has no texture."""

    color: bool = False
    texture: bool = False
    plain: bool = False
    background: bool = False


def chance(rng: np.random.Generator, probability: float) -> bool:
    """Return True with a probability in [0, 1]."""
    return bool(rng.random() < probability)


def draw_scene(rng: np.random.Generator, split: str, count: int, textured: float = TEXTURED) -> Scene:
    """Draw `count` objects that differ in shape and colour, apart from each other."""
    return set_scene(rng, draw_cast(rng, split, count, textured), scatter(rng, count))


def set_scene(rng: np.random.Generator, cast: list[Traits], places: list[Place]) -> Scene:
    """Put a cast on given places, in front of any background."""
    objects = (Object(*traits, *place) for traits, place in zip(cast, places, strict=True))
    return Scene(random_background(rng), tuple(objects))


def replace_object(scene: Scene, index: int, **changes: Any) -> Scene:
    """Return the scene with some fields of one object changed."""
    objects = list(scene.objects)
    objects[index] = dataclasses.replace(objects[index], **changes)
    return dataclasses.replace(scene, objects=tuple(objects))


def swap_fields(scene: Scene, first: int, second: int, *fields: str) -> Scene:
    """Return the scene with `fields` exchanged between two objects."""
    one, other = scene.objects[first], scene.objects[second]
    changed = replace_object(scene, first, **{name: getattr(other, name) for name in fields})
    return replace_object(changed, second, **{name: getattr(one, name) for name in fields})


def describe(scene: Scene, stated: Stated, relations: tuple[Relation, ...] = ()) -> Description:
    """Describe a scene with one group for each object."""
    groups = tuple(describe_group(scene, (index,), stated) for index in range(len(scene.objects)))
    return Description(groups, relations, scene.background.kind if stated.background else None)


def describe_group(scene: Scene, objects: tuple[int, ...], stated: Stated, counted: bool = False) -> Group:
    """Describe equal objects of a scene as one group."""
    item = scene.objects[objects[0]]
    says_texture = stated.texture and (stated.plain or item.texture != PLAIN)
    color = item.color if stated.color else None
    return Group(item.shape, objects, color, item.texture if says_texture else None, counted)


def swap_roles(relation: Relation) -> Relation:
    """Exchange subject and object: "a ring above a heart" becomes "a heart above a ring"."""
    return dataclasses.replace(relation, subject=relation.object, object=relation.subject)
