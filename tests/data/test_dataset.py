"""The stream is the plan, whoever reads it."""

import pickle
from itertools import islice

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from lightning_compose.data.dataset import EvaluationBatches, TrainingStream
from lightning_compose.data.pairs import PairReader
from lightning_compose.data.pool import Pool
from lightning_compose.data.shards import ShardSet
from lightning_compose.data.transforms import Transform


@pytest.fixture
def reader(write_set):
    return PairReader(ShardSet(write_set()), Transform(16, crop="random", mirror=True), max_nouns=2)


@pytest.fixture
def plan():
    return Pool(np.arange(9), seed=0)


def assert_same(first, second):
    assert first.keys == second.keys
    for name, value in vars(first).items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, getattr(second, name)), name


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(reader, plan, workers):
    stream = TrainingStream(reader, plan, micro_batch_size=2, first_micro_batch=3)
    expected = list(islice(stream, 7))
    loader = DataLoader(stream, batch_size=None, num_workers=workers, multiprocessing_context="fork")
    for batch, same in zip(expected, loader, strict=False):
        assert_same(batch, same)


def test_a_copy_for_another_process_yields_the_same(reader, plan):
    stream = TrainingStream(reader, plan, micro_batch_size=2)
    for batch, same in zip(islice(stream, 6), pickle.loads(pickle.dumps(stream)), strict=False):
        assert_same(batch, same)


@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_ranks_share_each_global_batch(reader, plan, world_size):
    streams = [
        TrainingStream(reader, plan, micro_batch_size=4 // world_size, rank=rank, world_size=world_size)
        for rank in range(world_size)
    ]
    for step, batches in enumerate(islice(zip(*streams, strict=True), 4)):
        indices = [index for batch in batches for index in batch.indices]
        assert indices == list(range(4 * step, 4 * step + 4))
        assert [key for batch in batches for key in batch.keys] == [reader.shards.key(plan.row(i)) for i in indices]


def test_evaluation_reads_rows_in_order_without_augmentation(reader):
    batches = EvaluationBatches(reader, [np.array([4, 2]), np.array([7])])
    assert [batches[number].indices for number in range(len(batches))] == [[4, 2], [7]]
    assert batches[1].keys == [reader.shards.key(7)]
