import pytest
import torch

from benchmarks.models import build
from benchmarks.variants import LOSSES, NAIVE, PLAIN, Workbench, read_batch, with_losses
from lightning_compose.needs import Needs


@pytest.fixture(scope="module")
def bench():
    return Workbench(with_losses(build("tiny")), read_batch(size_px=32, batch_size=2))


def test_all_steps_train_the_same_weights_in_turn(bench):
    weights = bench.module.backbone.unet.conv_in.weight
    for step in [*bench.steps().values()] * 2:
        before = weights.detach().clone()
        step()
        assert not torch.equal(weights, before)
        assert weights.grad is None


def test_a_variant_computes_its_losses_alone(bench):
    steps = bench.steps()
    assert list(steps) == [*LOSSES, NAIVE]
    for name, losses in LOSSES.items():
        steps[name]()
        assert set(bench.module.losses.active()) == set(losses)
    steps[PLAIN]()
    assert bench.module.losses.needs() == Needs()


def test_the_reference_lets_go_of_its_maps_after_its_step(bench, monkeypatch):
    forgetting = []
    monkeypatch.setattr("benchmarks.naive.NaiveModule.forget", lambda naive: forgetting.append(naive.naive.maps))
    bench.steps()[NAIVE]()
    assert forgetting[0]


def test_weights_come_back(bench):
    before = dict(bench.weights)
    bench.steps()[PLAIN]()
    bench.steps()["+ all three"]()
    assert {name: each.weight for name, each in bench.module.losses.items()} == before
    assert min(before.values()) > 0


def test_held_are_weights_and_both_moments(bench):
    bench.steps()["+ all three"]()
    weights = sum(each.nbytes for each in bench.trained)
    assert weights * 3 <= bench.held_bytes() < weights * 3.01


def test_half_precision_runs():
    bench = Workbench(with_losses(build("tiny")), read_batch(size_px=32, batch_size=1), bf16=True)
    for step in bench.steps().values():
        step()
    assert all(each.isfinite().all() for each in bench.trained)
