"""Accuracy by category, by hand."""

import pytest
import torch

from lightning_compose.metrics.composition import CompositionAccuracy


def test_by_hand_over_two_updates():
    metric = CompositionAccuracy(["color", "shape", "scene"])
    metric.update(["color", "shape", "color"], torch.tensor([True, False, True]))
    metric.update(["color", "shape", "shape", "shape"], torch.tensor([False, True, False, False]))
    computed = {name: float(value) for name, value in metric.compute().items()}
    # color 2 of 3, shape 1 of 4; nothing of scene, which the mean leaves out.
    assert computed == pytest.approx({"color": 2 / 3, "shape": 1 / 4, "mean": (2 / 3 + 1 / 4) / 2})


def test_the_mean_is_of_categories_not_of_images():
    metric = CompositionAccuracy(["color", "shape"])
    metric.update(["color"] * 9 + ["shape"], torch.tensor([True] * 9 + [False]))
    assert float(metric.compute()["mean"]) == 0.5


def test_nothing_in_nothing_out():
    metric = CompositionAccuracy(["color"])
    metric.update([], torch.zeros(0, dtype=torch.bool))
    assert metric.compute() == {}


@pytest.mark.parametrize(("categories", "count"), [(["size"], 1), (["color"], 2)])
def test_refuses_what_does_not_fit(categories, count):
    with pytest.raises(ValueError, match="Expected categories of"):
        CompositionAccuracy(["color"]).update(categories, torch.ones(count, dtype=torch.bool))
