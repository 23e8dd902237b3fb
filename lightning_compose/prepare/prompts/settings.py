"""Settings of the step `prompts`."""

from __future__ import annotations

from dataclasses import dataclass, field

from lightning_compose.arguments import require_at_least
from lightning_compose.data.schema import CATEGORIES, STAGES
from lightning_compose.prepare.model_settings import ModelSettings, require_role
from lightning_compose.prepare.models.writer import Writer
from lightning_compose.prepare.prompts.default_counts import Counts, default_counts


@dataclass(frozen=True)
class PromptsSettings:
    """How many prompts are written, by whom, and what is refused.

    Args:
        writer: Who writes them.
        counts: Prompts wanted, by stage and category; the default is the paper's 15,400.
        per_order: Prompts asked for at a time.
        avoid: Newest prompts of a stage and category that an order tells the writer not to repeat.
        near_duplicate: Jaccard index from which a prompt repeats another, in (0, 1]; see `near_duplicates`.
        benchmarks: ``.txt``, ``.jsonl`` and ``.json`` files of prompts that are kept out.
        patience: Orders in a row without a new prompt after which a stage and category is left short.
        parallel: Orders at a time; changes nothing in what is written.

    Raises:
        ValueError: When a number is out of its range, or a stage or category is unknown.
    """

    writer: ModelSettings
    counts: Counts = field(default_factory=default_counts)
    per_order: int = 20
    avoid: int = 40
    near_duplicate: float = 0.8
    benchmarks: list[str] = field(default_factory=list)
    patience: int = 10
    parallel: int = 1

    def __post_init__(self) -> None:
        require_role(self.writer, Writer)
        require_at_least(1, per_order=self.per_order, patience=self.patience, parallel=self.parallel)
        require_at_least(0, avoid=self.avoid)
        if not 0 < self.near_duplicate <= 1:
            raise ValueError(f"Expected `near_duplicate` to be in (0, 1], got {self.near_duplicate}.")
        _require_counts(self.counts)

    @property
    def cells(self) -> dict[tuple[str, str], int]:
        """The prompts wanted by (stage, category), those with none left out, in the schema's order."""
        return {
            (stage, category): self.counts[stage][category]
            for stage in STAGES
            for category in CATEGORIES
            if self.counts.get(stage, {}).get(category, 0)
        }


def _require_counts(counts: Counts) -> None:
    _require_known("stages", counts, STAGES)
    for stage, categories in counts.items():
        _require_known(f"categories of stage {stage}", categories, CATEGORIES)
        for category, count in categories.items():
            require_at_least(0, **{f"counts.{stage}.{category}": count})
    if not any(any(categories.values()) for categories in counts.values()):
        raise ValueError(f"Expected `counts` to ask for at least one prompt, got {counts}.")


def _require_known(what: str, given: dict, known: tuple[str, ...]) -> None:
    unknown = [each for each in given if each not in known]
    if unknown:
        raise ValueError(f"Expected the {what} in `counts` to be some of {list(known)}, got {unknown}.")
