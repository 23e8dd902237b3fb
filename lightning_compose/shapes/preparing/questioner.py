"""The embedded world's own way to take captions apart: it knows all that they can say."""

from __future__ import annotations

from collections.abc import Sequence

from lightning_compose.data.schema import Question
from lightning_compose.prepare.models.questioner import Questioner
from lightning_compose.shapes.preparing.understanding import understand
from lightning_compose.shapes.questions import ask


class ShapesQuestioner(Questioner):
    """Ask for all that a caption of the embedded world states."""

    name = "shapes"

    def ask(self, prompts: Sequence[str]) -> list[tuple[Question, ...]]:
        """Return the questions of each caption; none of one that is not the world's."""
        understood = (understand(each) for each in prompts)
        return [ask(each[0]) if each is not None else () for each in understood]
