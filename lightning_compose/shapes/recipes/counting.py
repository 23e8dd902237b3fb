"""Counting: objects of one kind, or of several, are added or removed."""

from __future__ import annotations

import numpy as np

from lightning_compose.shapes.casting import Traits, draw_cast
from lightning_compose.shapes.description import Description
from lightning_compose.shapes.layout import Place, scatter
from lightning_compose.shapes.recipes.draft import (
    BACKGROUND_STATED,
    COLOR_STATED,
    TEXTURED,
    Draft,
    Stated,
    chance,
    describe_group,
)
from lightning_compose.shapes.sample import random_background
from lightning_compose.shapes.scenes import MAX_OBJECTS, Background, Object, Scene

Counts = list[int]


def draft_counting(rng: np.random.Generator, split: str) -> Draft:
    """Draft a pair with two to five objects of one kind, and another number of them."""
    count = int(rng.integers(2, MAX_OBJECTS + 1))
    others = [each for each in range(1, MAX_OBJECTS + 1) if each != count]
    return _draft(rng, split, [count], [others[int(rng.integers(len(others)))]])


def draft_counting_kinds(rng: np.random.Generator, split: str) -> Draft:
    """Draft a pair with three to five objects of two or three kinds, one kind in another number."""
    while True:
        counts = rng.integers(1, 4, size=int(rng.integers(2, 4))).tolist()
        changed = list(counts)
        changed[int(rng.integers(len(counts)))] = int(rng.integers(1, 5))
        if counts != changed and 3 <= sum(counts) <= MAX_OBJECTS and 3 <= sum(changed) <= MAX_OBJECTS:
            return _draft(rng, split, counts, changed)


def _draft(rng: np.random.Generator, split: str, counts: Counts, changed: Counts) -> Draft:
    cast = draw_cast(rng, split, len(counts), TEXTURED)
    background = random_background(rng)
    most = [max(pair) for pair in zip(counts, changed, strict=True)]
    places = _split(scatter(rng, sum(most)), most)
    stated = Stated(color=chance(rng, COLOR_STATED), texture=True, background=chance(rng, BACKGROUND_STATED))
    positive, negative = (_populate(background, cast, places, each) for each in (counts, changed))
    return Draft(positive, negative, _describe(positive, counts, stated), _describe(negative, changed, stated))


def _populate(background: Background, cast: list[Traits], places: list[list[Place]], counts: Counts) -> Scene:
    kinds = zip(cast, places, counts, strict=True)
    objects = (Object(*traits, *place) for traits, free, count in kinds for place in free[:count])
    return Scene(background, tuple(objects))


def _describe(scene: Scene, counts: Counts, stated: Stated) -> Description:
    kinds = _split(range(len(scene.objects)), counts)
    groups = tuple(describe_group(scene, tuple(objects), stated, counted=True) for objects in kinds)
    return Description(groups, (), scene.background.kind if stated.background else None)


def _split(items: list[Place] | range, counts: Counts) -> list:
    ends = np.cumsum(counts).tolist()
    return [items[end - count : end] for end, count in zip(ends, counts, strict=True)]
