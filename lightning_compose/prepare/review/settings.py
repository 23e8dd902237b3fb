"""What the config holds of the step `review`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ReviewSettings:
    """Of the step `review`, and of what `pack` makes of its votes.

    Args:
        without_majority: What becomes of pairs on which nobody voted, or as many for as against, once somebody has
            voted on any: ``keep`` them, or ``leave_out``.
    """

    without_majority: Literal["keep", "leave_out"] = "keep"
