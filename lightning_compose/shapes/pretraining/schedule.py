"""The learning rate over a pretraining run."""

from __future__ import annotations

import math


def warmup_cosine(step: int, steps: int, warmup_steps: int) -> float:
    """Return the factor of `step`: linear warm-up, times half a cosine to zero at the end of `steps`."""
    return min(1.0, (step + 1) / warmup_steps) * 0.5 * (1 + math.cos(math.pi * step / steps))
