"""Prompts of the embedded world's benchmark: the eight categories and five distinct objects, seen and held out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice

import numpy as np

from lightning_compose.evaluation.prompts import COMPOSITIONAL, MULTIGEN, BenchmarkPrompt
from lightning_compose.seeding import generator
from lightning_compose.shapes.captions import Style, phrase
from lightning_compose.shapes.description import Description, Group
from lightning_compose.shapes.holdout import held_out_company
from lightning_compose.shapes.pairs import ROUND, Pair, draw_pair
from lightning_compose.shapes.palette import SHAPES
from lightning_compose.shapes.questions import ask

OBJECTS = 5
# By the name of the split of prompts, the split of pairs that has its compositions.
PAIR_SPLITS = {"seen": "train", "held_out": "held_out"}
# Sets of shards have seeds below: no prompt is a training pair's.
FIRST_SEED = 2**40
REFERENCE_SEED = 2**41
# "A picture of a circle, a ring...": the words of the training captions.
PICTURE_OF = Style(form=0.2, synonym=0.0, texture_first=False, texture_as_noun=False, full_stop=False)


def draw_prompts(per_category: int, seed: int = 0) -> list[BenchmarkPrompt]:
    """Draw the benchmark: prompts of each category and split, those of one category together.

    Args:
        per_category: Prompts of each of the eight categories and of multigen, in each split.
        seed: Of the benchmark, in [0, 2**40).

    Raises:
        ValueError: When a number is out of its range.
    """
    if per_category < 1 or not 0 <= seed < FIRST_SEED:
        raise ValueError(
            f"Expected per_category to be at least 1 and seed in [0, {FIRST_SEED}), got {per_category} and {seed}."
        )
    drawn = [
        (category, split, pair)
        for category in COMPOSITIONAL
        for split in PAIR_SPLITS
        for pair in islice(pairs_of(category, split, FIRST_SEED + seed), per_category)
    ]
    prompts = [_of_pair(index, split, pair) for index, (_, split, pair) in enumerate(drawn)]
    for split in PAIR_SPLITS:
        prompts += [_of_shapes(len(prompts) + index, split, seed, index) for index in range(per_category)]
    return prompts


def pairs_of(category: str, split: str, seed: int) -> Iterator[Pair]:
    """Draw pairs of one category without end, its stages in turn.

    Args:
        category: One of the eight.
        split: ``"seen"`` or ``"held_out"``.
        seed: Of the pairs.
    """
    for index in count():
        if ROUND[index % len(ROUND)][1] == category:
            yield draw_pair(seed, PAIR_SPLITS[split], index)


def _of_pair(index: int, split: str, pair: Pair) -> BenchmarkPrompt:
    text = phrase(pair.description, pair.style).text
    return BenchmarkPrompt(text, index, pair.category, split, ask(pair.description), pair.stage)


def _of_shapes(image_seed: int, split: str, seed: int, index: int) -> BenchmarkPrompt:
    shapes = _draw_shapes(generator(seed, f"shapes/multigen/{split}", index), split)
    description = Description(tuple(Group(shape, (number,)) for number, shape in enumerate(shapes)))
    text = phrase(description, PICTURE_OF).text
    return BenchmarkPrompt(text, image_seed, MULTIGEN, split, ask(description), "complex")


def _draw_shapes(rng: np.random.Generator, split: str) -> list[str]:
    while True:
        shapes = [SHAPES[index] for index in rng.permutation(len(SHAPES))[:OBJECTS]]
        if bool(held_out_company(shapes)) == (split == "held_out"):
            return shapes
