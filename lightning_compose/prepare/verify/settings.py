"""What the config holds of the step `verify`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lightning_compose.arguments import require_share
from lightning_compose.data.schema import CATEGORIES
from lightning_compose.prepare.model_settings import ModelSettings, require_role
from lightning_compose.prepare.models.answerer import Answerer
from lightning_compose.prepare.models.captioner import Captioner
from lightning_compose.prepare.models.questioner import Questioner
from lightning_compose.prepare.models.scorer import Scorer


@dataclass(frozen=True)
class VerifySettings:
    """Of the step `verify`.

    Args:
        answerer: Answers questions about the candidates.
        scorer: Chooses among those that answer as their prompt does.
        questioner: Takes prompts apart that have no questions, and corrected captions; None = such are rejected.
        captioner: Corrects prompts that no candidate shows; None = they are rejected.
        least_alignment: The share of right answers that is enough, in [0, 1], by category; elsewhere all must be right.
    """

    answerer: ModelSettings
    scorer: ModelSettings
    questioner: ModelSettings | None = None
    captioner: ModelSettings | None = None
    # Our default: the paper gives no value of its theta_align, its authors' example command has this one.
    least_alignment: Mapping[str, float] = field(default_factory=lambda: {"complex": 0.9})

    def __post_init__(self) -> None:
        require_role(self.answerer, Answerer)
        require_role(self.scorer, Scorer)
        if self.questioner is not None:
            require_role(self.questioner, Questioner)
        if self.captioner is not None:
            require_role(self.captioner, Captioner)
            _require_questioner(self.questioner)
        require_share(**self.least_alignment)
        unknown = sorted(set(self.least_alignment) - set(CATEGORIES))
        if unknown:
            raise ValueError(f"Expected `least_alignment` to name categories of {list(CATEGORIES)}, got {unknown}.")


def _require_questioner(questioner: ModelSettings | None) -> None:
    if questioner is None:
        raise ValueError(
            "Expected a `questioner` beside the `captioner`, got none. A corrected caption has new questions: name one."
        )
