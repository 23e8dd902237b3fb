"""One stage of a curriculum: its samples, its length, and what it changes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lightning_compose.data.schema import CATEGORIES, STAGES


@dataclass(frozen=True)
class Stage:
    """A part of a run. Either `steps` or `passes` is given.

    Args:
        steps: Length in optimizer steps, at least 1.
        passes: Length in passes over the stage's own samples, above 0, rounded up to whole steps.
        stages: Which samples, by their stage: ``single``, ``composition``, ``complex``; [] = of any.
        categories: Which of these, by their category: ``color``, ``spatial``...; [] = of any.
        losses: Factor on each loss's own weight, at least 0, by the loss's name; 0 = off, not named = 1.
        lr: Factor on the learning rate, at least 0.
        replay: Share of the samples, in ``[0, 1)``, that come from the stages before, by the sizes of their pools.
    """

    steps: int | None = None
    passes: float | None = None
    stages: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    losses: dict[str, float] = field(default_factory=dict)
    lr: float = 1.0
    replay: float = 0.0

    def selects(self, table: np.ndarray) -> npt.NDArray[np.bool_]:
        """Return which rows of a shard set's table are this stage's samples, ``[n]``."""
        return _is_any_of(table["stage"], self.stages, STAGES) & _is_any_of(
            table["category"], self.categories, CATEGORIES
        )

    def length(self, samples: int, batch_size: int) -> int:
        """Return the stage's length in optimizer steps.

        Args:
            samples: How many samples are the stage's own.
            batch_size: Samples an optimizer step, replayed ones among them.

        >>> Stage(passes=2, replay=0.5).length(samples=10, batch_size=4)
        10
        """
        if self.steps is not None:
            return self.steps
        # Rounded, or 3 passes over 0.1 shares would be a step too long by the last bit.
        return math.ceil(round((self.passes or 0) * samples / (batch_size * (1 - self.replay)), 9))


def require_valid(name: str, stage: Stage, is_first: bool) -> None:
    """Check what a user has set.

    Args:
        name: Of the stage, for the message.
        stage: To check.
        is_first: Whether there is no stage before it.

    Raises:
        ValueError: When a setting is out of its range, or names what is not known.
    """
    key = f"`curriculum.stages.{name}`"
    _require_length(key, stage)
    _require_known(key, "stages", stage.stages, STAGES)
    _require_known(key, "categories", stage.categories, CATEGORIES)
    for setting, factor in [("lr", stage.lr), *((f"losses.{loss}", each) for loss, each in stage.losses.items())]:
        if not 0 <= factor < math.inf:
            raise ValueError(f"Expected {key} to have a factor of at least 0 as `{setting}`, got {factor}. 0 = off.")
    if not 0 <= stage.replay < 1:
        raise ValueError(f"Expected {key} to have a share in [0, 1) as `replay`, got {stage.replay}.")
    if is_first and stage.replay:
        raise ValueError(
            f"Expected {key}, the first stage, to replay nothing, got `replay` = {stage.replay}: no stage lies before "
            "it. Leave `replay` out there."
        )


def describe_samples(table: np.ndarray) -> str:
    """Say how many samples there are of each stage and category, for a message."""
    counts = Counter(zip(table["stage"].tolist(), table["category"].tolist(), strict=True))
    found = [f"{number} {STAGES[stage]}/{CATEGORIES[category]}" for (stage, category), number in sorted(counts.items())]
    return ", ".join(found)


def _is_any_of(codes: np.ndarray, names: Collection[str], known: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    if not names:
        return np.ones(len(codes), bool)
    return np.isin(codes, [known.index(name) for name in names])


def _require_length(key: str, stage: Stage) -> None:
    if (stage.steps is None) == (stage.passes is None):
        raise ValueError(
            f"Expected {key} to have either `steps` or `passes`, got `steps` = {stage.steps} and `passes` = "
            f"{stage.passes}. Set one, and the other to null."
        )
    if stage.steps is not None and stage.steps < 1:
        raise ValueError(f"Expected {key} to have at least 1 as `steps`, got {stage.steps}. Leave the stage out.")
    if stage.passes is not None and not 0 < stage.passes < math.inf:
        raise ValueError(f"Expected {key} to have a number above 0 as `passes`, got {stage.passes}.")


def _require_known(key: str, setting: str, names: Collection[str], known: tuple[str, ...]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"Expected {key} to list known {setting}, got {unknown[0]!r}. Known: {list(known)}.")
