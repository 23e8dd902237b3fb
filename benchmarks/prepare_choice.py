"""Tell what a judge's errors cost, by the rule that chooses positives and negatives.

python -m benchmarks.prepare_choice
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from benchmarks.prepare_trials import Drawn, Trial
from lightning_compose.documentation import Row, read_csv, replace_block, write_csv
from lightning_compose.evaluation.table import markdown
from lightning_compose.prepare.judging.choice import best_score, best_success
from lightning_compose.prepare.judging.panel import Candidates
from lightning_compose.prepare.models.clip_embedder import ClipEmbedder
from lightning_compose.prepare.models.clip_scorer import ClipScorer

ROOT = Path(__file__).parents[1]
CLIP = ROOT / "lightning_compose/assets/shapes-clip"
PAGE, VALUES = ROOT / "docs/prepare.md", ROOT / "docs/benchmarks/prepare_choice.csv"
BLOCK = "choice"
PAIRS = 64
SKILLS, FAULTS = (0.5, 0.1), (0.0, 0.1, 0.2)
TRUE = {"positives": "show their caption", "negatives": "violate the positive's caption"}


def first_success(candidates: Candidates) -> int | None:
    """Return the first that the judge takes."""
    return next((index for index, each in enumerate(candidates) if each.success), None)


def passes_both(trial: Trial) -> bool:
    """Whether the judge sees it violate the positive's caption and show its own."""
    return trial.judged.violates and bool(trial.judged.shows_own)


POSITIVES: dict[str, Callable[[Candidates], int | None]] = {
    "CLIP alone": best_score,
    "the first that the judge takes": first_success,
    "the judge, then CLIP (`verify`)": best_success,
}
NEGATIVES: dict[str, Callable[[Trial], bool]] = {
    "similarity alone": lambda each: True,
    "a question fails": lambda each: each.judged.violates,
    "two questions fail": lambda each: each.failed > 1,
    "a question fails twice, asked again": lambda each: each.again,
    "its own caption is shown": lambda each: bool(each.judged.shows_own),
    "a question fails, own caption shown (`negatives`)": passes_both,
    "two questions fail, own caption shown": lambda each: each.failed > 1 and passes_both(each),
    "a question fails twice, own caption shown": lambda each: each.again and passes_both(each),
}


def nearest(trials: Sequence[Trial], allowed: Callable[[Trial], bool]) -> Trial | None:
    """Return the most similar of those allowed."""
    return max(filter(allowed, trials), key=lambda each: each.judged.similarity, default=None)


def measure(pairs: int, skills: Sequence[float] = SKILLS, faults: Sequence[float] = FAULTS) -> list[Row]:
    """Return a row for each painter, judge and rule.

    Args:
        pairs: For each painter.
        skills: Of the painters: shares of images that show what they should, in [0, 1].
        faults: Of the judges: shares of wrong answers, in [0, 1].
    """
    embedder, scorer = ClipEmbedder(str(CLIP)), ClipScorer(str(CLIP))
    rows: list[Row] = []
    for skill in skills:
        numbers = tqdm(range(pairs), desc=f"{skill:.0%}", unit="pair")
        drawn = [Drawn(number, skill, embedder, scorer) for number in numbers]
        for rate in faults:
            setting = {"skill": skill, "faults": rate, "pairs": pairs}
            rows += [{**setting, **row} for row in _of_judge(drawn, rate)]
    return rows


def _of_judge(drawn: Sequence[Drawn], faults: float) -> Iterator[Row]:
    judged = [(each, each.positives(faults)) for each in drawn]
    for name, choose in POSITIVES.items():
        kept = [(each, index) for each, found in judged if (index := choose(found)) is not None]
        true = sum(each.artist.shows(each.images[index], each.questions) for each, index in kept)
        yield {"of": "positives", "choice": name, "kept": len(kept), "true": true, "shows_own": true}
    chosen = ((each, found, best_success(found)) for each, found in judged)
    trials = [each.negatives(found, index, faults) for each, found, index in chosen if index is not None]
    for name, allowed in NEGATIVES.items():
        best = [trial for each in trials if (trial := nearest(each, allowed)) is not None]
        true, own = sum(each.violates for each in best), sum(each.shows_own for each in best)
        yield {"of": "negatives", "choice": name, "kept": len(best), "true": true, "shows_own": own}


def tables(rows: Sequence[Row]) -> str:
    """Return a table for each kind of image and painter, below a line that names both."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: str(row["of"]), reverse=True):
        groups.setdefault((str(row["of"]), str(row["skill"])), []).append(row)
    return "\n\n".join(f"{_title(group[0])}\n\n{_table(group)}" for group in groups.values())


def _title(row: Row) -> str:
    return (
        f"Share of the {row['of']} kept that truly {TRUE[str(row['of'])]}, of {row['pairs']} pairs by a painter that "
        f"draws what it is asked for in {float(row['skill']):.0%} of its images:"
    )


def _table(rows: Sequence[Row]) -> str:
    cells: dict[str, list[str]] = {}
    for row in rows:
        share = f"{int(row['true']) / int(row['kept']):.0%} of {row['kept']}" if int(row["kept"]) else "none kept"
        cells.setdefault(str(row["choice"]), []).append(share)
    faults = dict.fromkeys(f"{float(row['faults']):.0%} wrong answers" for row in rows)
    return markdown([["chosen by", *faults], *([name, *shares] for name, shares in cells.items())])


def main() -> None:
    """Measure, and write values and tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prepare_choice", description=__doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="for each painter")
    parser.add_argument("--values", type=Path, default=VALUES, help="CSV to write")
    parser.add_argument("--page", type=Path, default=PAGE, help="page whose tables are replaced")
    options = parser.parse_args()
    write_csv(options.values, measure(options.pairs))
    told = tables(read_csv(options.values))
    replace_block(options.page, BLOCK, told)
    print(told)


if __name__ == "__main__":
    main()
