"""A batch survives what DataLoader and Lightning do to it."""

import pytest
import torch
from batches import NOUNS, pair_batch
from lightning.pytorch.plugins.precision import DoublePrecision, HalfPrecision

from lightning_compose.data.batch import PairBatch


def test_to_moves_every_tensor_and_keeps_the_rest():
    batch = pair_batch([3, 4]).to("meta")
    tensors = [value for value in vars(batch).values() if isinstance(value, torch.Tensor)]
    assert len(tensors) == 5
    assert all(tensor.is_meta for tensor in tensors)
    assert (batch.keys, batch.nouns, len(batch)) == (["sample3", "sample4"], [NOUNS, NOUNS], 2)


def test_a_negative_that_is_the_positive_is_moved_once():
    fields = vars(pair_batch([0]))
    batch = PairBatch(**{**fields, "negative": fields["positive"]}).to("meta")
    assert batch.negative is batch.positive


@pytest.mark.parametrize("precision", [HalfPrecision("bf16-true"), DoublePrecision()])
def test_lightning_leaves_it_whole_in_any_precision(precision):
    batch = pair_batch([0])
    assert precision.convert_input(batch) is batch
