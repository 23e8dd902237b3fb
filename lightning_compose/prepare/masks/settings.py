"""What the config holds of the step `masks`."""

from __future__ import annotations

from dataclasses import dataclass

from lightning_compose.prepare.model_settings import ModelSettings, require_role
from lightning_compose.prepare.models.noun_finder import NounFinder
from lightning_compose.prepare.models.segmenter import Segmenter


@dataclass(frozen=True)
class MasksSettings:
    """Of the step `masks`.

    Args:
        nouns: Finds the nouns of the captions.
        segmenter: Finds them in the positives.
    """

    nouns: ModelSettings
    segmenter: ModelSettings

    def __post_init__(self) -> None:
        require_role(self.nouns, NounFinder)
        require_role(self.segmenter, Segmenter)
