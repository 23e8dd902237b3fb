"""The role of the model that writes prompts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from lightning_compose.data.schema import Question


@dataclass(frozen=True, slots=True)
class Order:
    """What a writer is asked for.

    Args:
        category: One of the eight.
        stage: ``"single"``, ``"composition"`` or ``"complex"``.
        count: Drafts wanted.
        seed: Of the drafts, in [0, 2**31).
        avoid: Prompts of the same category and stage that there are already; the newest last.
    """

    category: str
    stage: str
    count: int
    seed: int
    avoid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A prompt as its writer gives it, not checked yet.

    Args:
        prompt: What the positive image is to show.
        negative_prompt: What the negative image is to show.
        questions: About the prompt, where the writer knows them.
        source: Where the draft comes from; plain JSON.
    """

    prompt: str
    negative_prompt: str
    questions: tuple[Question, ...] = ()
    source: dict[str, Any] = field(default_factory=dict)


class Writer(ABC):
    """Write prompts with their negatives: subclass, set `name`, implement `write`. The step removes repeats::

        class ColoredBalls(Writer):
            name = "colored balls"

            def write(self, order: Order) -> list[Draft]:
                colors = generator(order.seed, "balls").permutation(["red", "green", "blue"]).tolist()
                return [Draft(f"A {color} ball.", f"A striped {color} ball.") for color in colors[: order.count]]

    Threads may share a writer when `parallel` is above 1.
    """

    name: str
    """What the rows and the dataset card call it."""

    counts: Mapping[str, int] = MappingProxyType({})
    """What happened so far, by kind, such as ``retried``; empty where nothing can fail."""

    @abstractmethod
    def write(self, order: Order) -> list[Draft]:
        """Return drafts, best as many as ordered: the same ones for the same order, if the model is deterministic."""
