"""Means over an optimizer step or a validation."""

import math

import torch

from lightning_compose.step_means import StepMeans


def test_ranks_are_reduced_once_for_all_names():
    calls, means = [], StepMeans()
    for name, value in (("a", 1.0), ("b", 10.0), ("a", 3.0), ("b", 20.0)):
        means.add(name, torch.tensor(value, requires_grad=True))

    def mean_with_a_rank_of_zeros(totals):
        calls.append(totals)
        return (totals + torch.stack([torch.zeros(2), totals[:, 1]], dim=1)) / 2

    assert {name: float(value) for name, value in means.means(mean_with_a_rank_of_zeros).items()} == {
        "a": 1.0,
        "b": 7.5,
    }
    assert len(calls) == 1
    assert not calls[0].requires_grad
    assert means.means() == {}


def test_ranks_that_added_in_another_order_are_not_mixed():
    ranks = [StepMeans(), StepMeans()]
    for means, names in zip(ranks, ("ab", "ba"), strict=True):
        for name in names:
            means.add(name, torch.tensor({"a": 1.0, "b": 10.0}[name]))
    sent = []
    for means in ranks:
        assert means.means(lambda totals: sent.append(totals) or totals) == {"a": 1.0, "b": 10.0}
    assert torch.equal(*sent), "what the ranks add up elementwise"


def test_samples_to_which_a_value_does_not_apply_do_not_count():
    nan, means = math.nan, StepMeans()
    means.add("share", torch.tensor([0.2, nan, 0.4]))
    means.add("share", torch.tensor([nan, nan, 0.9]))
    means.add("none", torch.tensor([nan]))
    found = means.means()
    assert float(found["share"]) == torch.tensor(0.5)
    assert found["none"].isnan()


def test_scalars_of_batches_of_different_sizes_are_weighted():
    means = StepMeans()
    means.add("loss", torch.tensor(1.0), weight=3)
    means.add("loss", torch.tensor(5.0), weight=1)
    assert float(means.means()["loss"]) == 2.0


def test_a_scalar_that_is_not_a_number_is_seen():
    means = StepMeans()
    means.add("loss", torch.tensor(1.0))
    means.add("loss", torch.tensor(math.nan))
    assert means.means()["loss"].isnan()
