"""How many prompts are left after each step, and why the others are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lightning_compose.data.schema import CATEGORIES, STAGES
from lightning_compose.prepare.report.found import Found
from lightning_compose.prepare.rows import NegativesRow, VerifiedRow

Cell = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Passage:
    """What is left after a step.

    Args:
        what: Is left.
        count: Of it.
        lost: How many were left out on the way here, by reason.
    """

    what: str
    count: int
    lost: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CellCounts:
    """How far the prompts of a stage and category have come."""

    prompts: int
    positives: int
    corrected: int
    negatives: int
    packed: int


def funnel(found: Found) -> list[Passage]:
    """Return a passage for each step that has left something, in their order."""
    verified, negatives = _lost(found.verified), _lost(found.negatives)
    passages = [Passage("prompts", len(found.prompts), _rejected(found))]
    if found.writing is not None:
        passages.insert(0, Passage("drafts of the writer", found.writing["drafted"], {}))
    if found.candidates:
        passages.append(Passage("prompts with images", len(found.candidates), {}))
    if found.verified:
        passages.append(Passage("prompts with a positive", _chosen(found.verified), verified))
    if found.negatives:
        passages.append(Passage("positives with a negative", _chosen(found.negatives), negatives))
    if found.packed is not None:
        # The reasons of the steps before are among them.
        rest = Counter(found.packed["left_out"]) - verified - negatives
        passages.append(Passage("samples packed", sum(found.packed["packed"].values()), rest))
    return passages


def told_reasons(passage: Passage) -> str:
    """Return the reasons for what was left out, the most frequent first."""
    return ", ".join(f"{reason} {count}" for reason, count in sorted(passage.lost.items(), key=lambda each: -each[1]))


def by_cell(found: Found) -> dict[Cell, CellCounts]:
    """Return the counts of each stage and category that has prompts, in the schema's order."""
    cell_of = {row.key: (row.stage, row.category) for row in found.prompts}
    prompts = Counter(cell_of.values())
    kept = [row for row in found.verified if row.chosen is not None]
    positives = _count(cell_of, (row.key for row in kept))
    corrected = _count(cell_of, (row.key for row in kept if row.rewritten))
    negatives = _count(cell_of, (row.key for row in found.negatives if row.chosen is not None))
    packed = found.packed["packed"] if found.packed else {}
    return {
        cell: CellCounts(
            prompts[cell], positives[cell], corrected[cell], negatives[cell], packed.get("/".join(cell), 0)
        )
        for stage in STAGES
        for category in CATEGORIES
        if (cell := (stage, category)) in prompts
    }


def _count(cell_of: Mapping[str, Cell], keys: Iterable[str]) -> Counter[Cell]:
    return Counter(cell_of[key] for key in keys if key in cell_of)


def _rejected(found: Found) -> Counter[str]:
    return Counter(each.reason for each in found.rejected)


def _lost(rows: Iterable[VerifiedRow | NegativesRow]) -> Counter[str]:
    return Counter(row.reason or "" for row in rows if row.chosen is None)


def _chosen(rows: Iterable[VerifiedRow | NegativesRow]) -> int:
    return sum(row.chosen is not None for row in rows)
