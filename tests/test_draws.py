"""Each sample's draws are its own."""

import torch

from lightning_compose.draws import Draws

CPU = torch.device("cpu")


def test_a_sample_has_the_same_draws_in_any_batch():
    together, alone = Draws(0, "train", [3, 8, 5], CPU), Draws(0, "train", [8], CPU)
    assert torch.equal(together.normal("noise", (4, 2, 2))[1:2], alone.normal("noise", (4, 2, 2)))
    assert torch.equal(together.uniform("timestep")[1:2], alone.uniform("timestep"))


def test_streams_names_and_seeds_differ():
    draws = [Draws(0, "train", [1], CPU), Draws(1, "train", [1], CPU), Draws(0, "val", [1], CPU)]
    noise = [each.normal("noise", (8,)) for each in draws] + [draws[0].normal("moments", (8,))]
    for first in range(len(noise)):
        for second in range(first):
            assert not torch.equal(noise[first], noise[second])


def test_normal_draws_are_standard():
    noise = Draws(0, "train", range(64), CPU).normal("noise", (4, 16, 16))
    assert noise.dtype == torch.float32
    assert abs(noise.mean()) < 0.02
    assert abs(noise.std() - 1) < 0.02


def test_uniform_draws_cover_the_unit_interval():
    uniform = Draws(0, "train", range(2000), CPU).uniform("timestep")
    assert 0 <= uniform.min() < 0.01
    assert 0.99 < uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.03
