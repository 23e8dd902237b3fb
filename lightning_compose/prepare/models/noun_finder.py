"""The role of who finds the nouns of captions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from lightning_compose.data.schema import Noun, Question


class NounFinder(ABC):
    """Finds the nouns of captions; a subclass overrides `find` and names itself.

    A complete example, of captions that are one noun each::

        class OneNoun(NounFinder):
            name = "one-noun"

            def find(self, captions, questions):
                return [(Noun(caption, ((0, len(caption)),)),) for caption in captions]
    """

    name: str
    """What the rows and the dataset card call it."""

    @abstractmethod
    def find(self, captions: Sequence[str], questions: Sequence[Sequence[Question]]) -> list[tuple[Noun, ...]]:
        """Return the nouns of each caption, without masks; nouns of the same words are united by who asks.

        Args:
            captions: Of images.
            questions: About each caption, which may have none.
        """
