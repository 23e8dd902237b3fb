"""The step `pack`: verified pairs into shards that `fit` reads."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from lightning_compose.data.durable import replaced
from lightning_compose.data.shards import ShardWriter
from lightning_compose.data.shards.table import INDEX
from lightning_compose.prepare.result import Result, sample
from lightning_compose.prepare.rows import NegativesRow, VerifiedRow
from lightning_compose.prepare.settings import Settings
from lightning_compose.prepare.step_record import read_record
from lightning_compose.prepare.workspace import Workspace

STEP = "pack"
COUNTS = "counts.json"
SHOWN = 3


def pack(settings: Settings, workspace: Workspace) -> None:
    """Write the shards, unless they are there; ``pack/counts.json`` says what is in them and why others are not.

    Raises:
        ValueError: When a step before is not done, no pair is left, or shards were written with other settings.
    """
    section = settings.pack
    results = read_results(workspace)
    folder = workspace.begin(STEP, asdict(section), results)
    chosen = [each for each in results if each.reason(section.without_negative) is None]
    reasons = Counter(each.reason(section.without_negative) or "packed" for each in results)
    _require_pairs(chosen, reasons)
    if not (workspace.shards / INDEX).is_file():
        _write(chosen, workspace, section.samples_per_shard)
    _write_counts(folder / COUNTS, chosen, reasons)
    print(f"Packed {len(chosen)} of {len(results)} prompts into {workspace.shards}")


def read_results(workspace: Workspace) -> list[Result]:
    """Return what the steps made of the prompts, by their keys.

    Raises:
        ValueError: When one of them is not done yet, or was done with other prompts.
    """
    prompts = workspace.prompts()
    verified = {row.key: row for row in workspace.rows("verify", VerifiedRow)}
    begun = read_record(workspace.folder("negatives")) is not None
    negatives = {row.key: row for row in workspace.rows("negatives", NegativesRow)} if begun else {}
    _require_same_keys([row.key for row in prompts], verified)
    return [Result(row.key, row, verified[row.key], negatives.get(row.key)) for row in prompts]


def _require_same_keys(prompts: Collection[str], verified: Collection[str]) -> None:
    others = sorted(set(prompts) ^ set(verified))
    if others:
        raise ValueError(
            f"Expected every prompt to be verified, got {others[:SHOWN]} in one of both. Prompts that came later, or "
            "were taken away, need a workspace of their own."
        )


def _write(results: Sequence[Result], workspace: Workspace, samples_per_shard: int) -> None:
    # Without its index a set is what a kill has left.
    shutil.rmtree(workspace.shards, ignore_errors=True)
    with ShardWriter(workspace.shards, samples_per_shard) as writer:
        for number, result in enumerate(tqdm(results, desc=STEP, unit="pair")):
            if result.positive is not None:
                writer.write(sample(result, result.positive, number, workspace))


def _require_pairs(chosen: Sequence[Result], reasons: Counter[str]) -> None:
    if not chosen:
        raise ValueError(
            f"Expected at least one pair to pack, got none; left out: {dict(reasons)}. Take other models or settings."
        )


def _write_counts(file: Path, chosen: Sequence[Result], reasons: Counter[str]) -> None:
    packed = Counter(f"{each.prompt.stage}/{each.prompt.category}" for each in chosen)
    left_out = {reason: count for reason, count in reasons.items() if reason != "packed"}
    with replaced(file) as opened:
        opened.write(json.dumps({"packed": packed, "left_out": left_out}, indent=2, sort_keys=True).encode())
