"""An annotator's queue: in an order of its own, without a word of which image is which, kept on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Literal

from lightning_compose.prepare.review.pairs import Pair
from lightning_compose.prepare.review.votes import Answer, Side, Vote, annotator_name, append, read, standing
from lightning_compose.seeding import generator


class Queue:
    """What an annotator has voted, and what comes next; read from the disk each time.

    Args:
        pairs: To be looked at.
        votes: Folder of the votes.
        annotator: Name, as `annotator_name` returns it.
        seed: Of the order and of the sides.
    """

    def __init__(self, pairs: Sequence[Pair], votes: Path, annotator: str, seed: int) -> None:
        order = generator(seed, f"review/order/{annotator}").permutation(len(pairs))
        by_key = sorted(pairs, key=lambda pair: pair.key)
        self._pairs = {by_key[place].key: by_key[place] for place in order}
        self._identities = {pair.key: pair.identity for pair in pairs}
        self._folder, self._annotator, self._seed = votes, annotator, seed
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._pairs)

    def done(self) -> int:
        """Return how many pairs are voted on, those that were skipped among them."""
        return len(self._standing())

    def current(self) -> Pair | None:
        """Return the pair to look at; None = there is none left."""
        standing = self._standing()
        return next((pair for key, pair in self._pairs.items() if key not in standing), None)

    def left(self, pair: Pair) -> Side:
        """Return which image of a pair this annotator sees on the left."""
        if pair.negative is None:
            return "positive"
        draw = generator(self._seed, f"review/left/{self._annotator}/{pair.key}").integers(2)
        return "positive" if draw else "negative"

    def vote(self, shown: str, answer: Answer) -> None:
        """Keep an answer.

        Args:
            shown: Key of the pair that the annotator saw. Unless that is the current one, nothing is kept: a key was
                pressed twice, or the page is an old one.
            answer: Of the annotator.
        """
        with self._lock:
            pair = self.current()
            if pair is not None and pair.key == shown:
                append(self._folder, [self._vote(pair, answer)])

    def undo(self, shown: str) -> None:
        """Take the last vote back: its pair is the current one again.

        Args:
            shown: Key of the pair that the annotator saw; empty = there was none left.
        """
        with self._lock:
            pair, standing = self.current(), self._standing()
            if standing and shown == (pair.key if pair is not None else ""):
                append(self._folder, [self._vote(self._pairs[next(reversed(standing))], "undo")])

    def _standing(self) -> dict[str, Vote]:
        return standing(read(self._folder, self._annotator), self._identities)

    def _vote(self, pair: Pair, answer: Answer | Literal["undo"]) -> Vote:
        return Vote(pair.key, pair.identity, self._annotator, answer, self.left(pair))


class Queues:
    """The queues of all annotators, one each.

    Args:
        pairs: To be looked at.
        votes: Folder of the votes.
        seed: Of the orders and of the sides.
    """

    def __init__(self, pairs: Sequence[Pair], votes: Path, seed: int) -> None:
        self._pairs, self._votes, self._seed = pairs, votes, seed
        self._queues: dict[str, Queue] = {}
        self._lock = Lock()

    def of(self, name: str) -> Queue:
        """Return the queue of an annotator.

        Args:
            name: As a person types it.

        Raises:
            ValueError: When it is no name.
        """
        annotator = annotator_name(name)
        with self._lock:
            if annotator not in self._queues:
                self._queues[annotator] = Queue(self._pairs, self._votes, annotator, self._seed)
            return self._queues[annotator]
