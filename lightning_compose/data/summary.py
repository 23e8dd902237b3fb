"""What is in a set, as a table to print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from lightning_compose.data.images import image_size
from lightning_compose.data.schema import CATEGORIES, NEGATIVE, STAGES, Sample
from lightning_compose.data.shards import ShardSet
from lightning_compose.data.shards.members import SLOTS

SIZES_SHOWN = 5


def summarize(shards: ShardSet, samples_read: int = 1000) -> str:
    """Describe a set.

    Args:
        shards: The set. Counts and bytes are those of all samples: the index holds them.
        samples_read: How many samples, spread over the set, are read for image sizes and nouns.
    """
    rows = shards.spread_rows(samples_read)
    samples = [shards.read(row) for row in rows]
    of_all = "" if len(rows) == len(shards) else f"   (of {len(rows):,} samples read)"
    return "\n".join(
        [
            f"{shards.root}: {len(shards):,} samples, {len(shards.shards):,} shards, {_bytes_line(shards)}",
            "",
            *_count_lines(shards.table),
            "",
            f"pairs with a negative   {_share(_with_negative(shards.table), len(shards))}",
            f"nouns with a mask       {_noun_share(samples)}{of_all}",
            f"image sizes             {_size_line(samples)}{of_all}",
        ]
    )


def _bytes_line(shards: ShardSet) -> str:
    total = sum(shard.bytes for shard in shards.shards)
    return f"{total / 1e6:,.1f} MB, {total / len(shards) / 1e3:,.1f} kB a sample"


def _count_lines(table: np.ndarray) -> list[str]:
    counts = np.zeros((len(CATEGORIES), len(STAGES)), dtype=int)
    np.add.at(counts, (table["category"], table["stage"]), 1)
    found = [(name, row) for name, row in zip(CATEGORIES, counts, strict=True) if row.any()]
    lines = [_line("", (*STAGES, "all"))]
    lines += [_line(name, (*row, row.sum())) for name, row in found]
    return [*lines, _line("all", (*counts.sum(axis=0), counts.sum()))]


def _line(name: str, cells: Iterable[object]) -> str:
    texts = [f"{each:,}" if isinstance(each, int | np.integer) else str(each) for each in cells]
    return f"{name:<14}" + "".join(f"{text:>14}" for text in texts)


def _with_negative(table: np.ndarray) -> int:
    return int((table["members"]["size"][:, SLOTS.index(NEGATIVE)] >= 0).sum())


def _noun_share(samples: list[Sample]) -> str:
    nouns = [noun for sample in samples for noun in sample.annotation.nouns]
    return _share(sum(noun.mask is not None for noun in nouns), len(nouns))


def _size_line(samples: list[Sample]) -> str:
    sizes = Counter(image_size(sample.positive) for sample in samples).most_common()
    shown = [f"{width} x {height}: {_percent(count, len(samples))}" for (height, width), count in sizes[:SIZES_SHOWN]]
    more = [f"{len(sizes) - SIZES_SHOWN} more"] if len(sizes) > SIZES_SHOWN else []
    return ", ".join([*shown, *more])


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,}, {_percent(part, whole)}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "none"
