"""Means over an optimizer step."""

import torch

from lightning_compose.step_means import StepMeans


def test_ranks_are_reduced_once_for_all_names():
    calls, means = [], StepMeans()
    for name, value in (("a", 1.0), ("b", 10.0), ("a", 3.0), ("b", 20.0)):
        means.add(name, torch.tensor(value, requires_grad=True))

    def reduce(values):
        calls.append(values)
        return values * 2

    assert {name: float(value) for name, value in means.means(reduce).items()} == {"a": 4.0, "b": 30.0}
    assert len(calls) == 1
    assert not calls[0].requires_grad
    assert means.means(reduce) == {}
