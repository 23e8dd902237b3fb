"""What holds at an optimizer step: pure functions of its number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Literal

import numpy as np
import numpy.typing as npt

from lightning_compose.curriculum.stage import Stage
from lightning_compose.data.apportion import Counts, apportion

Kind = Literal["strict", "gaussian", "mixed"]
Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]

# Of the largest share. A stage of a smaller one leaves the factors alone: a loss that is off in all others is off.
LEAST_SHARE = 0.01


@dataclass(frozen=True)
class Schedule:
    """The stages of a run, laid out over its optimizer steps.

    After the last step everything stays as it is there.

    Args:
        stages: By name, in their order.
        pool_sizes: Samples of each stage's own, ``[k]``.
        batch_size: Samples an optimizer step, over all ranks.
        kind: ``strict``, one stage after the other; ``gaussian``, they fade into each other; ``mixed``, all at once.
        overlap: For ``gaussian``: the standard deviation of a stage's bell as a share of its length, above 0.
    """

    stages: Mapping[str, Stage]
    pool_sizes: Sequence[int]
    batch_size: int
    kind: Kind = "strict"
    overlap: float = 0.5

    @cached_property
    def lengths(self) -> list[int]:
        """The length of each stage in optimizer steps, ``[k]``."""
        sizes = zip(self.stages.values(), self.pool_sizes, strict=True)
        return [stage.length(size, self.batch_size) for stage, size in sizes]

    @cached_property
    def ends(self) -> list[int]:
        """The step at which each stage's turn is over, ``[k]``; the last one is the number of all steps."""
        return list(accumulate(self.lengths))

    @property
    def steps(self) -> int:
        return self.ends[-1]

    def stage_at(self, step: int) -> int:
        """Return the stage whose turn it is; for ``gaussian`` the one with the largest share."""
        return min(int(np.searchsorted(self.ends, step, side="right")), len(self.lengths) - 1)

    def stage_name(self, step: int) -> str:
        """Return what a person may call the stage at a step."""
        return "mixed" if self.kind == "mixed" else list(self.stages)[self.stage_at(step)]

    def membership(self, steps: Steps) -> Floats:
        """Return how much each step belongs to each stage, ``[steps, k]``; rows sum to 1."""
        return membership(np.minimum(steps, self.steps - 1), self.lengths, self.kind, self.overlap)

    def mixture(self, steps: Steps) -> Floats:
        """Return the shares of each stage's samples in the batch of each step, ``[steps, k]``; rows sum to 1."""
        matrix = replay_matrix([each.replay for each in self.stages.values()], self.pool_sizes)
        # No matrix product: its last bit, which can decide on a sample, depends on the processor.
        return (self.membership(steps)[:, :, None] * matrix).sum(axis=1).round(12)

    def counts(self) -> Counts:
        """Return how many samples each step takes from each stage's, ``[steps, k]``."""
        return apportion(self.mixture(np.arange(self.steps)), self.batch_size)

    def loss_factors(self, step: int) -> dict[str, float]:
        """Return the factor on the weight of each loss that a stage names; 0 = off."""
        named = dict.fromkeys(loss for stage in self.stages.values() for loss in stage.losses)
        return {loss: self._mean(step, [each.losses.get(loss, 1.0) for each in self.stages.values()]) for loss in named}

    def lr_factor(self, step: int) -> float:
        """Return the factor on the learning rate."""
        return self._mean(step, [stage.lr for stage in self.stages.values()])

    def _mean(self, step: int, factors: Sequence[float]) -> float:
        (shares,) = self.membership(np.array([step]))
        counted = np.where(shares < LEAST_SHARE * shares.max(), 0.0, shares)
        return float((counted * factors).sum() / counted.sum())


def membership(steps: Steps, lengths: Sequence[int], kind: Kind, overlap: float) -> Floats:
    """Return how much each step belongs to each stage, ``[steps, k]``; rows sum to 1.

    Args:
        steps: ``[steps]``.
        lengths: Of the stages, ``[k]``.
        kind: ``strict``: all to the stage whose turn it is. ``gaussian``: bells around the middles of the stages, each
            as wide as its stage is long, so that where two stages meet they have equal shares. ``mixed``: at every
            step in proportion to the lengths.
        overlap: Standard deviation of a bell, as a share of its stage's length.
    """
    ends = np.cumsum(lengths)
    if kind == "strict":
        return (np.searchsorted(ends, steps, side="right")[:, None] == np.arange(len(lengths))).astype(float)
    if kind == "mixed":
        return np.tile(np.array(lengths) / ends[-1], (len(steps), 1))
    middles, deviations = ends - np.array(lengths) / 2, overlap * np.array(lengths)
    exponents = -0.5 * ((steps[:, None] + 0.5 - middles) / deviations) ** 2
    # Relative to the highest bell, which else could underflow. Rounded, for the last bit depends on the processor.
    bells = np.exp(exponents - exponents.max(axis=1, keepdims=True)).round(12)
    return bells / bells.sum(axis=1, keepdims=True)


def replay_matrix(replay: Sequence[float], pool_sizes: Sequence[int]) -> Floats:
    """Return of each stage's batch the shares that come from each stage's samples, ``[k, k]``; rows sum to 1.

    Args:
        replay: Share that comes from the stages before, in ``[0, 1)``, ``[k]``; 0 for the first.
        pool_sizes: The stages before share it in proportion to these, ``[k]``.

    >>> replay_matrix([0.0, 0.2, 0.4], [10, 30, 60])
    array([[1. , 0. , 0. ],
           [0.2, 0.8, 0. ],
           [0.1, 0.3, 0.6]])
    """
    matrix = np.diag(1.0 - np.array(replay))
    for stage in range(1, len(replay)):
        before = np.array(pool_sizes[:stage], dtype=float)
        matrix[stage, :stage] = replay[stage] * before / before.sum()
    return matrix
