"""What the config holds of the dataset card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CardSettings:
    """What the dataset card says that no row knows.

    Args:
        title: Of the set.
        licence: Of the set, as the Hugging Face hub calls it, such as ``cc-by-4.0``; None = not stated.
        licences: Of the models, by the names that the rows have of them; those that are missing are not stated.
    """

    title: str = "Contrastive pairs"
    licence: str | None = None
    licences: Mapping[str, str] = field(default_factory=dict)
