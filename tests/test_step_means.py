"""Means over an optimizer step or a validation."""

import math

import pytest
import torch

from lightning_compose.step_means import StepMeans


def added(**values):
    means = StepMeans()
    for name, value in values.items():
        means.add(name, torch.tensor(value))
    return means


def sent_by(means):
    """Return what a rank hands to the reduction."""
    sent = []
    means.means(lambda totals: sent.append(totals) or totals)
    return sent


def with_ranks(*others):
    """Return a reduction over a rank and others, which are given as what they sent."""
    in_turn = iter(zip(*others, strict=True))
    return lambda totals: torch.stack([totals, *next(in_turn)]).mean(dim=0)


def test_ranks_are_reduced_once_for_all_names():
    other = sent_by(added(a=3.0, b=0.0))
    assert len(other) == 1
    means = StepMeans()
    for name, value in (("a", 1.0), ("b", 10.0), ("a", 3.0), ("b", 20.0)):
        means.add(name, torch.tensor(value, requires_grad=True))
    found = means.means(with_ranks(other))
    assert {name: float(value) for name, value in found.items()} == {"a": pytest.approx(7 / 3), "b": 10.0}
    assert not any(each.requires_grad for each in found.values())
    assert means.means() == {}


def test_ranks_that_added_in_another_order_are_not_mixed():
    assert added(a=1.0, b=10.0).means(with_ranks(sent_by(added(b=30.0, a=3.0)))) == {"a": 2.0, "b": 20.0}


def test_many_names_are_all_reduced():
    values = {f"name {number:03d}": float(number) for number in range(150)}
    assert added(**values).means(with_ranks(sent_by(added(**values)))) == values


@pytest.mark.parametrize("others", [{"b": 1.0}, {"a": 1.0, "b": 1.0}, {f"{number}": 1.0 for number in range(150)}])
@pytest.mark.parametrize("ranks", [2, 3, 64])
def test_ranks_that_added_other_names_are_told(others, ranks):
    same, other = sent_by(added(a=1.0)), sent_by(added(**others))
    assert same[0].shape == other[0].shape, "or the ranks would wait for each other"
    with pytest.raises(RuntimeError, match=r"this rank's, \['a'\]\. Measure the same on every rank"):
        added(a=1.0).means(with_ranks(*[same] * (ranks - 2), other[:1]))


def test_names_that_change_are_compared_again_and_named():
    means = added(a=1.0)
    means.means(with_ranks(sent_by(added(a=1.0))))
    means.add("b", torch.tensor(1.0))
    with pytest.raises(RuntimeError, match=r"this rank's, \['b'\], of which \['a', 'b'\] came or went"):
        means.means(with_ranks(sent_by(added(a=1.0))))


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
