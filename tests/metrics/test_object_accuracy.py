"""Object accuracy, by hand."""

import pytest
import torch

from lightning_compose.metrics.object_accuracy import ObjectAccuracy


def test_by_hand():
    metric = ObjectAccuracy()
    metric.update(torch.tensor([2, 1]), torch.tensor([2, 2]))
    metric.update(torch.tensor([3, 0]), torch.tensor([3, 2]))
    assert float(metric.compute()) == 0.5


def test_without_images_it_is_not_a_number():
    assert ObjectAccuracy().compute().isnan()


def test_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="one number each an image"):
        ObjectAccuracy().update(torch.tensor([1]), torch.tensor([1, 2]))
