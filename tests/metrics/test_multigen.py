"""MG2 to MG5, by hand."""

import pytest
import torch

from lightning_compose.metrics.multigen import MultiGen


def test_by_hand():
    metric = MultiGen()
    metric.update(torch.tensor([0, 1, 2, 3]))
    metric.update(torch.tensor([3, 4, 5, 5, 5, 2]))
    computed = {name: float(value) for name, value in metric.compute().items()}
    # At least 2: all but two; at least 3: six; at least 4: four; 5: three.
    assert computed == pytest.approx({"mg2": 0.8, "mg3": 0.6, "mg4": 0.4, "mg5": 0.3})


def test_nothing_in_nothing_out():
    metric = MultiGen()
    metric.update(torch.zeros(0, dtype=torch.long))
    assert metric.compute() == {}


@pytest.mark.parametrize("found", [-1, 6])
def test_refuses_impossible_numbers(found):
    with pytest.raises(ValueError, match=r"Expected numbers in \[0, 5\]"):
        MultiGen().update(torch.tensor([found]))


def test_refuses_one_object():
    with pytest.raises(ValueError, match="at least 2"):
        MultiGen(objects=1)
