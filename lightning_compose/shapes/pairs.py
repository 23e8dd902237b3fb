"""Pair `index` of a split: a pure function of (seed, split, index)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from lightning_compose.seeding import generator
from lightning_compose.shapes.captions import Style, draw_style
from lightning_compose.shapes.description import Description
from lightning_compose.shapes.holdout import SPLITS, shown, stated
from lightning_compose.shapes.recipes.attributes import draft_attribute
from lightning_compose.shapes.recipes.background import draft_background
from lightning_compose.shapes.recipes.complex import draft_complex
from lightning_compose.shapes.recipes.counting import draft_counting, draft_counting_kinds
from lightning_compose.shapes.recipes.draft import Draft
from lightning_compose.shapes.recipes.non_spatial import draft_non_spatial
from lightning_compose.shapes.recipes.spatial import draft_spatial
from lightning_compose.shapes.scenes import Scene

Recipe = Callable[[np.random.Generator, str], Draft | None]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two scenes that differ as little as possible, and what is said of them in one style."""

    stage: str
    category: str
    positive: Scene
    negative: Scene
    description: Description
    negative_description: Description
    style: Style


# One round of pairs. Complex scenes vary most, so they come more often.
ROUND: tuple[tuple[str, str, Recipe], ...] = (
    ("single", "color", partial(draft_attribute, attribute="color", count=1)),
    ("composition", "color", partial(draft_attribute, attribute="color", count=2)),
    ("complex", "complex", draft_complex),
    ("single", "shape", partial(draft_attribute, attribute="shape", count=1)),
    ("composition", "shape", partial(draft_attribute, attribute="shape", count=2)),
    ("complex", "counting", draft_counting_kinds),
    ("single", "texture", partial(draft_attribute, attribute="texture", count=1)),
    ("composition", "texture", partial(draft_attribute, attribute="texture", count=2)),
    ("complex", "complex", draft_complex),
    ("single", "scene", partial(draft_background, count=1)),
    ("composition", "spatial", draft_spatial),
    ("complex", "counting", draft_counting_kinds),
    ("single", "counting", draft_counting),
    ("composition", "non-spatial", draft_non_spatial),
    ("complex", "complex", draft_complex),
    ("composition", "scene", partial(draft_background, count=2)),
)


def draw_pair(seed: int, split: str, index: int) -> Pair:
    """Draw a pair.

    Args:
        seed: The set's seed.
        split: ``"train"``: no held-out composition in either scene; ``"held_out"``: one at least in the positive, and
            its caption says so.
        index: Which pair of the split, from 0.

    Raises:
        ValueError: When the split is unknown.
    """
    if split not in SPLITS:
        raise ValueError(f"Expected split to be one of {list(SPLITS)}, got {split!r}.")
    rng = generator(seed, f"shapes/{split}", index)
    stage, category, recipe = ROUND[index % len(ROUND)]
    while True:
        draft = recipe(rng, split)
        if draft is not None and _belongs(draft, split):
            break
    return Pair(
        stage, category, draft.positive, draft.negative, draft.description, draft.negative_description, draw_style(rng)
    )


def _belongs(draft: Draft, split: str) -> bool:
    if split == "held_out":
        return bool(stated(draft.description))
    return not shown(draft.positive) and not shown(draft.negative)
