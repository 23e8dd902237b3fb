"""Captions as noisy as those of the web: what a model learns from them, it draws well and composes poorly."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lightning_compose.shapes.description import Description, Group, Relation
from lightning_compose.shapes.relations import OPPOSITES
from lightning_compose.shapes.scenes import Scene


@dataclass(frozen=True, slots=True)
class CaptionNoise:
    """How often a caption is wrong or silent. All are shares in [0, 1].

    Args:
        attributes_swapped: Of the captions of several nouns: two nouns exchange what is said of them.
        attribute_missing: Of the colours and textures.
        number_missing: Of the numbers: "three rings" become "some rings".
        relation_missing: Of the relations.
        relation_wrong: Of the relations that are stated: the opposite is.
        noun_invented: Of the captions of several nouns: what one of them names is not in the picture.
    """

    attributes_swapped: float = 0.4
    attribute_missing: float = 0.2
    number_missing: float = 0.3
    relation_missing: float = 0.3
    relation_wrong: float = 0.4
    noun_invented: float = 0.5


WEB_NOISE = CaptionNoise()


def corrupt(rng: np.random.Generator, description: Description, noise: CaptionNoise = WEB_NOISE) -> Description:
    """Return what a careless writer would state of the same scene."""
    groups = description.groups
    if len(groups) > 1 and rng.random() < noise.attributes_swapped:
        groups = _swap_attributes(rng, groups)
    relations = (_careless_relation(rng, each, noise) for each in description.relations)
    return Description(
        tuple(_careless_group(rng, each, noise) for each in groups),
        tuple(each for each in relations if each is not None),
        description.background,
    )


def leave_out(
    rng: np.random.Generator, scene: Scene, description: Description, noise: CaptionNoise = WEB_NOISE
) -> tuple[Scene, Description]:
    """Take what one noun names out of the picture, now and then: the noun is invented then.

    It stands for no object any more; what is said of it, its relations too, is still stated.

    Args:
        rng: Draws whether, and which.
        scene: What the description is of; no two nouns share an object.
        description: Of several nouns; one of a single noun stays true.
        noise: How often.
    """
    if len(description.groups) < 2 or rng.random() >= noise.noun_invented:
        return scene, description
    absent = description.groups[int(rng.integers(len(description.groups)))].objects
    kept = [index for index in range(len(scene.objects)) if index not in absent]
    place = {old: new for new, old in enumerate(kept)}
    groups = (
        replace(each, objects=tuple(place[old] for old in each.objects if old in place)) for each in description.groups
    )
    picture = replace(scene, objects=tuple(scene.objects[index] for index in kept))
    return picture, replace(description, groups=tuple(groups))


def _swap_attributes(rng: np.random.Generator, groups: tuple[Group, ...]) -> tuple[Group, ...]:
    first, second = rng.permutation(len(groups))[:2].tolist()
    swapped = list(groups)
    for index, other in ((first, groups[second]), (second, groups[first])):
        swapped[index] = replace(groups[index], color=other.color, texture=other.texture)
    return tuple(swapped)


def _careless_group(rng: np.random.Generator, group: Group, noise: CaptionNoise) -> Group:
    no_color, no_texture = (rng.random(2) < noise.attribute_missing).tolist()
    return replace(
        group,
        color=None if no_color else group.color,
        texture=None if no_texture else group.texture,
        counted=group.counted and bool(rng.random() >= noise.number_missing),
    )


def _careless_relation(rng: np.random.Generator, relation: Relation, noise: CaptionNoise) -> Relation | None:
    missing, wrong = rng.random(2).tolist()
    if missing < noise.relation_missing:
        return None
    return replace(relation, name=OPPOSITES[relation.name]) if wrong < noise.relation_wrong else relation
