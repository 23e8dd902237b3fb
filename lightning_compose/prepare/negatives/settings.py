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
from lightning_compose.prepare.models.questioner import Questioner


@dataclass(frozen=True)
class NegativesSettings:
    """Of the step `negatives`.

    Args:
        embedder: Says which candidate is most similar to the positive.
        painter: Draws the negative prompts; None = the painter of `candidates`.
        answerer: Answers questions about the candidates; None = the answerer of `verify`.
        questioner: Takes negative captions apart; None = the questioner of `verify`, if it has one.
        editor: Edits the positives of `edited_categories`; None = all negatives are drawn.
        edited_categories: The paper's are color and texture.
        per_positive: Images; the paper has 20.
        shows_own_caption: Whether a negative must show its own caption, too, where its questions are known. Of many
            images that match the caption a judge that errs finds one to violate it, and that is the most similar one;
            what passes both captions' questions is hardly ever one of these. False = a violation is enough: more
            prompts keep a negative, more of which are none.
    """

    embedder: ModelSettings
    painter: ModelSettings | None = None
    answerer: ModelSettings | None = None
    questioner: ModelSettings | None = None
    editor: ModelSettings | None = None
    edited_categories: tuple[str, ...] = ("color", "texture")
    per_positive: int = 20
    shows_own_caption: bool = True

    def __post_init__(self) -> None:
        require_role(self.embedder, Embedder)
        for model, role in (
            (self.painter, Painter),
            (self.answerer, Answerer),
            (self.questioner, Questioner),
            (self.editor, Editor),
        ):
            if model is not None:
                require_role(model, role)
        require_at_least(1, per_positive=self.per_positive)
        unknown = sorted(set(self.edited_categories) - set(CATEGORIES))
        if unknown:
            raise ValueError(f"Expected `edited_categories` to be among {list(CATEGORIES)}, got {unknown}.")
