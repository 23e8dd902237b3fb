"""The endless stream of training batches, and the finite list of batches to evaluate on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from torch.utils.data import Dataset, IterableDataset, get_worker_info

from lightning_compose.data.batch import PairBatch
from lightning_compose.data.pairs import PairReader
from lightning_compose.data.plan import Plan, micro_batch_indices
from lightning_compose.data.pool import Pool, Rows


class TrainingStream(IterableDataset[PairBatch]):
    """Yield one rank's micro-batches without end; every worker yields each n-th of them.

    Use it with ``DataLoader(batch_size=None)``, which takes from the workers in turn and so restores the order.

    Args:
        reader: Makes the batches.
        plan: Which sample comes when.
        first_micro_batch: Where to begin, counted from the start of the run.
        rank: In ``[0, world_size)``.
        micro_batch_size: Samples a batch.
    """

    def __init__(
        self,
        reader: PairReader,
        plan: Plan | Pool,
        *,
        micro_batch_size: int,
        first_micro_batch: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.reader = reader
        self.plan = plan
        self.micro_batch_size = micro_batch_size
        self.first_micro_batch = first_micro_batch
        self.rank = rank
        self.world_size = world_size

    def __iter__(self) -> Iterator[PairBatch]:
        worker = get_worker_info()
        offset, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for micro_batch in count(self.first_micro_batch + offset, workers):
            indices = micro_batch_indices(
                micro_batch, rank=self.rank, world_size=self.world_size, micro_batch_size=self.micro_batch_size
            )
            yield self.reader.read([self.plan.row(index) for index in indices], indices)


class EvaluationBatches(Dataset[PairBatch]):
    """A list of batches of all ranks; Lightning's own distributed sampler deals them out.

    Args:
        reader: Makes the batches.
        batches: The rows of each batch.
    """

    def __init__(self, reader: PairReader, batches: list[Rows]) -> None:
        self.reader = reader
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def with_images(self) -> EvaluationBatches:
        """Return the same batches with their images, for pictures, where features stand for them."""
        return type(self)(replace(self.reader, images_too=True), self.batches)

    def __getitem__(self, number: int) -> PairBatch:
        rows = self.batches[number].tolist()
        return self.reader.read(rows, rows)
