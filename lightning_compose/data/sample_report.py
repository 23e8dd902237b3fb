"""What a run met that it could not use: bad samples, each once, and nouns without supervision, each time they came."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from lightning_compose.data.bad_samples import BadSample, TooManyBadSamplesError, count_reasons
from lightning_compose.data.findings import Finding, table


@dataclass
class Tally:
    """What was met.

    Args:
        bad: By row.
        unsupervised: Nouns by reason and shard.
        samples: How many samples these nouns are of, or would have been of.
    """

    bad: dict[int, BadSample] = field(default_factory=dict)
    unsupervised: Counter[tuple[str, str]] = field(default_factory=Counter)
    samples: int = 0

    def add(self, other: Tally) -> None:
        """Count another tally too."""
        self.bad = {**other.bad, **self.bad}
        self.unsupervised.update(other.unsupervised)
        self.samples += other.samples


class SampleReport:
    """Adds up what the batches of a rank tell, and what other ranks and earlier lives of the run did.

    Args:
        root: The set's folder.
        max_bad_samples: How many different bad samples a run may meet.
    """

    def __init__(self, root: str | None, max_bad_samples: int) -> None:
        # Apart from the rest: only what is new since the ranks last told each other is told.
        self.own = Tally()
        self._shared = Tally()
        self._root = root
        self._max_bad_samples = max_bad_samples

    def add(self, tally: Tally) -> None:
        """Count what one batch tells.

        Raises:
            TooManyBadSamplesError: With all reasons and their counts.
        """
        self.own.add(tally)
        if self.bad_samples > self._max_bad_samples:
            raise TooManyBadSamplesError(
                f"Expected at most {self._max_bad_samples:,} bad samples in {self._root}, got {self.bad_samples:,}: "
                f"{count_reasons(self._total().bad.values())}. Look at all of them with `python -m lightning_compose "
                f"shards check {self._root}`, restore the shards, or raise `max_bad_samples`."
            )

    def share(self, of_all_ranks: Iterable[Tally]) -> None:
        """Take over what every rank has counted on its own since the last time, this one included."""
        for tally in of_all_ranks:
            self._shared.add(tally)
        self.own = Tally()

    @property
    def bad_samples(self) -> int:
        """How many different samples were bad so far."""
        return len(self._shared.bad.keys() | self.own.bad.keys())

    def findings(self) -> list[Finding]:
        """List the bad samples in the order of the set, then the nouns by reason and shard."""
        total = self._total()
        bad = [
            Finding("bad", each.reason, each.shard, each.key, 1, each.message) for _, each in sorted(total.bad.items())
        ]
        nouns = sorted(total.unsupervised.items())
        return [*bad, *(Finding("unsupervised", reason, shard, count=count) for (reason, shard), count in nouns)]

    def summary(self) -> str:
        """Describe what was met, for a person; empty where there is nothing to tell."""
        total = self._total()
        lines = []
        if total.bad:
            lines.append(f"Bad samples that were replaced: {len(total.bad):,}")
        if total.unsupervised:
            lines.append(f"Nouns without supervision: {total.unsupervised.total():,}, in {total.samples:,} samples")
        return "\n".join([*lines, table(self.findings())]) if lines else ""

    def state_dict(self) -> dict[str, Any]:
        """Return all that was met as plain values, for a checkpoint."""
        total = self._total()
        return {
            "bad": [dataclasses.asdict(each) for each in total.bad.values()],
            "unsupervised": [[reason, shard, count] for (reason, shard), count in total.unsupervised.items()],
            "samples": total.samples,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what an earlier life of the run met."""
        bad = [BadSample(**fields) for fields in state["bad"]]
        counts = Counter({(reason, shard): count for reason, shard, count in state["unsupervised"]})
        self.own, self._shared = Tally(), Tally({each.row: each for each in bad}, counts, state["samples"])

    def _total(self) -> Tally:
        total = Tally()
        for tally in (self._shared, self.own):
            total.add(tally)
        return total
