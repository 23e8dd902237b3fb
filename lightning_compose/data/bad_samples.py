"""Samples that cannot be used: what is known of one, and how many a run bears."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

# What happens to a sample that cannot be read, decoded or transformed.
OnBadSample = Literal["raise", "skip"]

# Rows to take in a bad sample's place, one after the other, by its global index.
Replacements = Callable[[int], Iterator[int]]

# Only where nearly all samples are bad are so many draws in a row.
MAX_DRAWS = 100


class TooManyBadSamplesError(ValueError):
    """More samples are bad than a run bears."""


@dataclass(frozen=True, slots=True)
class BadSample:
    """A sample that was replaced.

    Args:
        row: In its set.
        shard: Path of its shard, relative to the set's folder.
        key: Its key in the shard.
        reason: A short slug to count by, such as ``"crc32_mismatch"``.
        message: What was expected, what came and what to do, for a person.
    """

    row: int
    shard: str
    key: str
    reason: str
    message: str


def count_reasons(bad: Iterable[BadSample]) -> str:
    """List reasons with their counts, the most frequent first.

    >>> count_reasons([BadSample(row, "0.tar", str(row), "bad_image", "") for row in (4, 7)])
    'bad_image 2'
    """
    counts = Counter(each.reason for each in bad)
    return ", ".join(f"{reason} {count:,}" for reason, count in counts.most_common())
