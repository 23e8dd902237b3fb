"""The role of who takes a prompt apart into questions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from lightning_compose.data.schema import Question


class Questioner(ABC):
    """Turns prompts into questions with known answers; a subclass overrides `ask` and names itself.

    A complete example, of prompts that are one noun each::

        class OneNoun(Questioner):
            name = "one-noun"

            def ask(self, prompts):
                return [(Question(0, f"Is there a {noun}?", "yes", "entity", (noun,)),) for noun in prompts]
    """

    name: str
    """What the rows and the dataset card call it."""

    @abstractmethod
    def ask(self, prompts: Sequence[str]) -> list[tuple[Question, ...]]:
        """Return the questions of each prompt; none where it cannot be taken apart."""
