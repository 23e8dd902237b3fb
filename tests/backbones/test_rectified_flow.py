"""Noise levels of Stable Diffusion 3, against diffusers' own."""

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.training_utils import compute_density_for_timestep_sampling

from lightning_compose.backbones.rectified_flow import NoiseLevels, shifted_timesteps

UNIFORM = (torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000
SETTINGS = [
    NoiseLevels(),
    NoiseLevels("logit_normal", logit_mean=0.5, logit_std=0.6),
    NoiseLevels("mode"),
    NoiseLevels("mode", mode_scale=-0.5),
    NoiseLevels("uniform"),
]


@pytest.mark.parametrize("levels", SETTINGS, ids=str)
def test_quantiles_are_those_of_diffusers_draws(levels):
    drawn = compute_density_for_timestep_sampling(
        levels.density,
        200_000,
        levels.logit_mean,
        levels.logit_std,
        levels.mode_scale,
        generator=torch.Generator().manual_seed(0),
    )
    ours = levels.quantiles(UNIFORM)
    assert torch.equal(ours, ours.sort().values), "more of a draw is more noise"
    shares = torch.linspace(0.01, 0.99, 50)
    expected = drawn.sort().values[(shares * len(drawn)).long()]
    torch.testing.assert_close(ours[(shares * len(ours)).long()].float(), expected, rtol=0, atol=6e-3)


@pytest.mark.parametrize("levels", SETTINGS, ids=str)
def test_timesteps_never_reach_the_end(levels):
    extreme = torch.tensor([0.0, 1e-300, 0.5, 1 - 2**-53], dtype=torch.float64)
    timesteps = shifted_timesteps(levels.quantiles(extreme), shift=3.0, steps=1000)
    assert timesteps.dtype == torch.float32
    assert timesteps[0] == 0
    assert (timesteps < 1000).all()
    assert timesteps.isfinite().all()


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_the_shift_is_the_schedulers(shift):
    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=shift)
    levels = torch.arange(999, 0, -1, dtype=torch.float64) / 1000
    torch.testing.assert_close(shifted_timesteps(levels, shift, 1000), scheduler.timesteps[1:], rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    "wrong", [{"logit_std": 0.0}, {"logit_std": float("inf")}, {"mode_scale": 1.8}, {"mode_scale": -1.1}]
)
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=f"Expected `{next(iter(wrong))}`"):
        NoiseLevels(**wrong)
