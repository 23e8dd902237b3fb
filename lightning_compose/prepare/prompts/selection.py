"""Which drafts become prompts: each is kept, or rejected for a reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lightning_compose.prepare.models.writer import Draft, Order
from lightning_compose.prepare.prompts.near_duplicates import KnownTexts, content_words
from lightning_compose.prepare.prompts.stage_rules import STAGE_RULES
from lightning_compose.prepare.rows import PromptRow

Cell = tuple[str, str]

CONJUNCTION = re.compile(r",|\band\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A draft that is no prompt.

    Args:
        key: Of its place among the rejected.
        prompt: Its prompt.
        negative_prompt: Its negative.
        category: Of its order.
        stage: Of its order.
        reason: A slug: empty, too_long, same_negative, benchmark, duplicate, near_duplicate, surplus.
        repeats: The text that it repeats, if it does.
        similarity: To that text, in [0, 1].
    """

    key: str
    prompt: str
    negative_prompt: str
    category: str
    stage: str
    reason: str
    repeats: str | None = None
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class _Fault:
    reason: str
    repeats: str | None = None
    similarity: float | None = None


class Selection:
    """Keep what is new and well formed, until each stage and category has what is wanted.

    Args:
        wanted: Prompts by (stage, category).
        near_duplicate: Threshold; see `near_duplicates`.
        benchmarks: Prompts that are kept out, as positive and as negative.
    """

    def __init__(self, wanted: dict[Cell, int], near_duplicate: float, benchmarks: KnownTexts) -> None:
        self.wanted = wanted
        self.kept: dict[Cell, list[PromptRow]] = {cell: [] for cell in wanted}
        self.rejected: list[Rejected] = []
        self._benchmarks = benchmarks
        self._known = KnownTexts(near_duplicate)

    def take(self, order: Order, drafts: Sequence[Draft], model: str) -> int:
        """Take in a writer's drafts and return how many are kept."""
        kept = self.kept[order.stage, order.category]
        before = len(kept)
        for draft in drafts:
            fault = self._fault(order, draft)
            if fault is None:
                self._known.add(draft.prompt)
                kept.append(_row(order, draft, model, len(kept)))
            else:
                self.rejected.append(_rejected(order, draft, fault, len(self.rejected)))
        return len(kept) - before

    def missing(self, cell: Cell) -> int:
        """Return how many prompts a stage and category still lacks."""
        return self.wanted[cell] - len(self.kept[cell])

    def _fault(self, order: Order, draft: Draft) -> _Fault | None:
        return _malformed(order, draft) or self._repetition(draft) or self._surplus(order)

    def _repetition(self, draft: Draft) -> _Fault | None:
        for text in (draft.prompt, draft.negative_prompt):
            match = self._benchmarks.find(text)
            if match is not None:
                return _Fault("benchmark", match.text, match.similarity)
        match = self._known.find(draft.prompt)
        if match is None:
            return None
        return _Fault("duplicate" if match.exact else "near_duplicate", match.text, match.similarity)

    def _surplus(self, order: Order) -> _Fault | None:
        return None if self.missing((order.stage, order.category)) else _Fault("surplus")


def _malformed(order: Order, draft: Draft) -> _Fault | None:
    texts = (draft.prompt, draft.negative_prompt)
    if not all(content_words(text) for text in texts):
        return _Fault("empty")
    if any(len(text.split()) > STAGE_RULES[order.stage].max_words for text in texts):
        return _Fault("too_long")
    if _parts(draft.prompt) == _parts(draft.negative_prompt):
        return _Fault("same_negative", draft.prompt)
    return None


def _parts(text: str) -> list[list[str]]:
    """Return what "and" joins, in any order: "a cup and a dog" is no negative of "a dog and a cup"."""
    return sorted(content_words(part) for part in CONJUNCTION.split(text))


def _row(order: Order, draft: Draft, model: str, number: int) -> PromptRow:
    return PromptRow(
        key=f"{order.stage}-{order.category}-{number:06d}",
        prompt=draft.prompt,
        negative_prompt=draft.negative_prompt,
        category=order.category,
        stage=order.stage,
        model=model,
        seed=order.seed,
        questions=draft.questions,
        source=draft.source,
    )


def _rejected(order: Order, draft: Draft, fault: _Fault, number: int) -> Rejected:
    return Rejected(
        f"{number:06d}",
        draft.prompt,
        draft.negative_prompt,
        order.category,
        order.stage,
        fault.reason,
        fault.repeats,
        fault.similarity,
    )
