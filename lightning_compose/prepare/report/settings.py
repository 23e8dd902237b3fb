"""What the config holds of the step `report`."""

from __future__ import annotations

from dataclasses import dataclass

from lightning_compose.arguments import require_at_least
from lightning_compose.prepare.model_settings import ModelSettings, require_role
from lightning_compose.prepare.models.truth import Truth


@dataclass(frozen=True)
class ReportSettings:
    """Of the step `report`.

    Args:
        truth: Knows what the images show, so that the page says what the judge's errors cost; None = nobody does.
        pairs_per_stage: Pairs on a stage's contact sheet.
        examples: Of each reason for which prompts were left out, and of choices that differ.
    """

    truth: ModelSettings | None = None
    pairs_per_stage: int = 24
    examples: int = 4

    def __post_init__(self) -> None:
        if self.truth is not None:
            require_role(self.truth, Truth)
        require_at_least(1, pairs_per_stage=self.pairs_per_stage)
        require_at_least(0, examples=self.examples)
