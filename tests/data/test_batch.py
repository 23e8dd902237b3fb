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


def test_select_takes_every_field_of_its_samples():
    batch, expected = pair_batch([3, 4, 5]), pair_batch([5, 3])
    batch.unsupervised["small"] = 1
    selected = batch.select([2, 0])
    for name, value in vars(expected).items():
        got = getattr(selected, name)
        rows = getattr(batch, name)[[2, 0]] if isinstance(value, torch.Tensor) else value
        assert torch.equal(got, rows) if isinstance(value, torch.Tensor) else got == rows, name
    assert (len(batch), batch.unsupervised["small"]) == (3, 1)


def test_a_negative_that_is_the_positive_is_selected_as_such():
    fields = vars(pair_batch([0, 1]))
    batch = PairBatch(**{**fields, "negative": fields["positive"]}).select([1])
    assert batch.negative is batch.positive


@pytest.mark.parametrize("precision", [HalfPrecision("bf16-true"), DoublePrecision()])
def test_lightning_leaves_it_whole_in_any_precision(precision):
    batch = pair_batch([0])
    assert precision.convert_input(batch) is batch
