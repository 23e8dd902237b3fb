"""What was left out when a set was indexed, and why."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lightning_compose.data.bad_samples import OnBadSample
from lightning_compose.data.shards.error import ShardError
from lightning_compose.data.shards.table import INDEX


@dataclass(frozen=True, slots=True)
class Refused:
    """A sample, or a shard, that has no row in the index.

    Args:
        shard: Path relative to the set's folder.
        member: The member's name, or the sample's key; None if the whole shard is meant.
        reason: A short slug to count by, such as ``"partial_sample"``.
    """

    shard: str
    member: str | None
    reason: str


class Refusals:
    """Ends the indexing at the first error, or notes it and goes on.

    Args:
        root: The set's folder.
        on_bad_sample: Which of the two.
    """

    def __init__(self, root: Path, on_bad_sample: OnBadSample) -> None:
        self.found: list[Refused] = []
        self._root = root
        self._raises = on_bad_sample == "raise"
        self._samples: set[tuple[Path, str]] = set()

    @contextmanager
    def of_shard(self) -> Iterator[None]:
        """Note that a shard as a whole is refused, if it is."""
        try:
            yield
        except ShardError as error:
            self._note(error)

    @contextmanager
    def of_sample(self, path: Path, key: str) -> Iterator[None]:
        """Note that the samples of a key in a shard are refused, if one is."""
        try:
            yield
        except ShardError as error:
            self._note(error)
            self._samples.add((path, key))

    def has(self, path: Path, key: str) -> bool:
        """Tell whether the samples of this key in a shard are refused."""
        return (path, key) in self._samples

    def _note(self, error: ShardError) -> None:
        if self._raises:
            raise error
        shard = Path(error.path).relative_to(self._root).as_posix()
        self.found.append(Refused(shard, error.member, error.reason))


def as_fields(refused: list[Refused]) -> list[dict[str, str | None]]:
    """Return what `index.json` holds of them."""
    return [dataclasses.asdict(each) for each in refused]


def read_refused(header: bytes, root: str | os.PathLike[str]) -> list[Refused]:
    """Read what was refused when a set was indexed.

    Args:
        header: The content of its `index.json`, which `ShardSet` could read.
        root: The set's folder or URL, for messages.

    Raises:
        ShardError: When it is told in another form.
    """
    try:
        return [Refused(**each) for each in json.loads(header).get("refused", [])]
    except (TypeError, AttributeError) as error:
        found = f"Expected `refused` in {INDEX} to list shard, member and reason, got {error}. Index the set again."
        raise ShardError(root, None, "stale_index", found) from error
