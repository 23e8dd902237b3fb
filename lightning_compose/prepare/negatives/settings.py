"""What the config holds of the step `negatives`."""

from __future__ import annotations

from dataclasses import dataclass

from lightning_compose.arguments import require_at_least
from lightning_compose.data.schema import CATEGORIES
from lightning_compose.prepare.model_settings import ModelSettings, require_role
from lightning_compose.prepare.models.answerer import Answerer
from lightning_compose.prepare.models.editor import Editor
from lightning_compose.prepare.models.embedder import Embedder
from lightning_compose.prepare.models.painter import Painter


@dataclass(frozen=True)
class NegativesSettings:
    """Of the step `negatives`.

    Args:
        embedder: Says which candidate is most similar to the positive.
        painter: Draws the negative prompts; None = the painter of `candidates`.
        answerer: Answers questions about the candidates; None = the answerer of `verify`.
        editor: Edits the positives of `edited_categories`; None = all negatives are drawn.
        edited_categories: The paper's are color and texture.
        per_positive: Images; the paper has 20.
    """

    embedder: ModelSettings
    painter: ModelSettings | None = None
    answerer: ModelSettings | None = None
    editor: ModelSettings | None = None
    edited_categories: tuple[str, ...] = ("color", "texture")
    per_positive: int = 20

    def __post_init__(self) -> None:
        require_role(self.embedder, Embedder)
        for model, role in ((self.painter, Painter), (self.answerer, Answerer), (self.editor, Editor)):
            if model is not None:
                require_role(model, role)
        require_at_least(1, per_positive=self.per_positive)
        unknown = sorted(set(self.edited_categories) - set(CATEGORIES))
        if unknown:
            raise ValueError(f"Expected `edited_categories` to be among {list(CATEGORIES)}, got {unknown}.")
