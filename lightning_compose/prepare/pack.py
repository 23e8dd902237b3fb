"""The step `pack`: verified pairs into shards that `fit` reads."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lightning_compose.data.durable import replaced
from lightning_compose.data.shards import ShardWriter
from lightning_compose.data.shards.table import INDEX
from lightning_compose.prepare.card import write_card
from lightning_compose.prepare.features import cache_features, remove_features
from lightning_compose.prepare.result import Result, sample
from lightning_compose.prepare.review.left_out import reviewed
from lightning_compose.prepare.rows import MasksRow, NegativesRow, VerifiedRow
from lightning_compose.prepare.settings import PackSettings, Settings
from lightning_compose.prepare.step_record import read_record
from lightning_compose.prepare.workspace import Workspace

STEP = "pack"
COUNTS = "counts.json"
SHOWN = 3


def pack(settings: Settings, workspace: Workspace) -> None:
    """Write the shards, unless they are there; ``pack/counts.json`` says what is in them and why others are not.

    ``shards/README.md``, the dataset card, is written anew each time.

    Raises:
        ValueError: When a step before is not done, no pair is left, or shards were written with other settings.
    """
    section = settings.pack
    results = _with_masks(read_results(workspace), settings, workspace)
    results = reviewed(results, settings.review, section.without_negative, workspace)
    if not (workspace.folder(STEP) / COUNTS).is_file():
        # Whoever removed the folder to pack anew need not know of these; nor whom a kill kept from counting them.
        shutil.rmtree(workspace.shards, ignore_errors=True)
        remove_features(workspace)
    folder = workspace.begin(STEP, _decisive(section, results), results)
    chosen = [each for each in results if each.reason(section.without_negative) is None]
    reasons = Counter(each.reason(section.without_negative) or "packed" for each in results)
    _require_pairs(chosen, reasons)
    if settings.masks is not None:
        _require_masks(chosen)
    if not (workspace.shards / INDEX).is_file():
        _write(chosen, workspace, section.samples_per_shard)
    _write_counts(folder / COUNTS, chosen, reasons)
    write_card(settings.card, workspace)
    print(f"Packed {len(chosen)} of {len(results)} prompts into {workspace.shards}")
    if section.features is not None:
        cache_features(section.features, workspace)


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


def _decisive(section: PackSettings, results: Sequence[Result]) -> dict[str, Any]:
    # Features may be asked for later: they change nothing in the shards.
    shards = {name: value for name, value in asdict(section).items() if name != "features"}
    return {**shards, "review": _told(results)}


def _with_masks(results: Sequence[Result], settings: Settings, workspace: Workspace) -> list[Result]:
    masks = {row.key: row for row in workspace.rows("masks", MasksRow)} if settings.masks is not None else {}
    return [replace(each, masks=masks.get(each.key)) for each in results]


def _told(results: Sequence[Result]) -> str:
    left_out = sorted((each.key, each.in_review) for each in results if each.in_review is not None)
    digest = hashlib.sha256(json.dumps(left_out).encode()).hexdigest()[:8]
    return f"{len(left_out)} left out ({digest})"


def _require_masks(chosen: Sequence[Result]) -> None:
    without = [each.key for each in chosen if each.masks is None]
    if without:
        raise ValueError(
            f"Expected the nouns of every pair to have been looked for, got {without[:SHOWN]} for which they were not. "
            "Set `pack.without_negative` as it was for the step masks, or remove that step's folder and run it again."
        )


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
