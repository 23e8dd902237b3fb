"""Damage a small set, open it, index it anew, and tell what became of every sample."""

import hashlib
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from lightning_compose.data.pairs import PairReader
from lightning_compose.data.schema import SampleError
from lightning_compose.data.shards import ShardError, ShardSet, index_shards
from lightning_compose.data.transforms import Transform
from lightning_compose.seeding import generator
from tests.data.fuzz import sandbox
from tests.data.fuzz.damage import DAMAGE, Mutation
from tests.data.fuzz.forged_index import FORGED_INDEX
from tests.data.fuzz.hostile_annotations import HOSTILE_ANNOTATIONS
from tests.data.fuzz.hostile_images import HOSTILE_IMAGES
from tests.data.fuzz.small_set import SIDE_PX, Shards, Target, small_shards, write_set

# Of one set at most so many rows are read: a forged table may have any number.
MAX_ROWS = 24
REFUSED, EQUAL, OTHER = "refused", "as it was", "another whole one"

# The index knows the original's checksums: what is read must be the original. The others come with checksums that fit.
MUTATIONS: dict[str, tuple[Mutation, ...]] = {
    "damaged tar": DAMAGE,
    "hostile image": HOSTILE_IMAGES,
    "hostile annotation": HOSTILE_ANNOTATIONS,
    "forged index": FORGED_INDEX,
}
IN_TURN = tuple((group, mutation) for group, mutations in MUTATIONS.items() for mutation in mutations)
VOUCHED_FOR = ("hostile image", "hostile annotation", "forged index")


@dataclass
class Finding:
    """What one mutation led to on one way of reading."""

    group: str
    mutation: str
    way: str
    outcome: str
    report: sandbox.Report

    @property
    def failed(self) -> bool:
        return self.outcome not in (REFUSED, EQUAL, OTHER)


class Campaign:
    """Mutated shards by number; the same number and seed give the same bytes and the same findings."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._shards = small_shards()
        with _folder() as root:
            write_set(root / "set", self._shards)
            self._originals = _digests(root / "set")

    def name(self, number: int) -> str:
        """Return the name of the mutation that a number stands for."""
        return IN_TURN[number % len(IN_TURN)][1].__name__

    def findings(self, number: int) -> Iterator[Finding]:
        """Damage one set and yield what reading it by its index led to, and then by new ones."""
        group, mutation = IN_TURN[number % len(IN_TURN)]
        with _folder() as root:
            target = self._target(root / "set", number)
            mutation(generator(self.seed, mutation.__name__, number), target)
            before = _tree(root)
            for way, action in _ways(target.root).items():
                report = sandbox.run(action, target.root)
                if report.failure is None and _tree(root) != before:
                    report.failure = f"escape ({sorted(_tree(root) ^ before)[0]})"
                outcome = report.failure or self._outcome(report.value, way == "own index" and group not in VOUCHED_FOR)
                yield Finding(group, mutation.__name__, way, outcome, report)

    def _target(self, root: Path, number: int) -> Target:
        shards: Shards = deepcopy(self._shards)
        write_set(root, shards)
        return Target(root, shards, sorted(shards)[number // len(IN_TURN) % len(shards)])

    def _outcome(self, read: dict[str, str] | None, must_be_original: bool) -> str:
        if not read or REFUSED in read.values():
            rest = {key: digest for key, digest in (read or {}).items() if digest != REFUSED}
            changed = any(self._originals.get(key) != digest for key, digest in rest.items())
            return "a changed sample was read" if changed and must_be_original else REFUSED
        if read == self._originals:
            return EQUAL
        return "a changed sample was read" if must_be_original else OTHER


def _ways(root: Path) -> dict[str, Callable[[], dict[str, str] | None]]:
    def indexed_anew(policy: Literal["raise", "skip"]) -> dict[str, str] | None:
        try:
            index_shards(root, progress=False, on_bad_sample=policy)
        except ShardError as error:
            return _require_honest(error)
        return _digests(root)

    return {
        "own index": lambda: _digests(root),
        "new index": lambda: indexed_anew("raise"),
        "new, skip": lambda: indexed_anew("skip"),
    }


def _digests(root: Path) -> dict[str, str] | None:
    """Read every sample as training does: its digest by its key, or that it was refused; None for the whole set."""
    try:
        shards = ShardSet(root)
        keys = [shards.key(row) for row in range(min(len(shards), MAX_ROWS))]
    except ShardError as error:
        return _require_honest(error)
    reader = PairReader(shards, Transform(SIDE_PX), max_nouns=4)
    return {key: _digest(reader, row) for row, key in enumerate(keys)}


def _digest(reader: PairReader, row: int) -> str:
    try:
        with warnings.catch_warnings(action="ignore"):
            batch = reader.read([row], [row])
    except (ShardError, SampleError) as error:
        _require_honest(error)
        return REFUSED
    arrays = [batch.positive, batch.negative, batch.noun_masks, batch.noun_supervised]
    text = repr((batch.captions, batch.negative_captions, batch.nouns)).encode("utf-8", "backslashreplace")
    return hashlib.sha256(text + b"".join(np.ascontiguousarray(each.numpy()).tobytes() for each in arrays)).hexdigest()


def _require_honest(error: BaseException) -> None:
    """Let no lack of memory pass as a bad sample."""
    if sandbox.holds_memory_error(error):
        raise MemoryError


@contextmanager
def _folder() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        yield root
    finally:
        shutil.rmtree(root)


def _tree(root: Path) -> set[tuple[str, int]]:
    """List what lies around the set, and in it but for its index."""
    index = (root / "set/index.json", root / "set/index.npy")
    return {(str(path), path.lstat().st_size) for path in root.rglob("*") if path not in index and not path.is_dir()}
