"""Rectified flow: straight paths from images to noise, and where on them Stable Diffusion 3 is trained.

"Scaling Rectified Flow Transformers for High-Resolution Image Synthesis" (Esser et al., 2024). A noise level is the
share of the way, 0 = image, 1 = noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

Density = Literal["logit_normal", "mode", "uniform"]
MODE_SCALES = (-1.0, 2 / (math.pi - 2))  # outside, the density of `mode` is none


@dataclass(frozen=True)
class NoiseLevels:
    """The density by which noise levels are drawn, before they are shifted.

    Args:
        density: ``logit_normal``, which prefers the middle; ``mode``, with heavy tails (both section 3.1); ``uniform``.
        logit_mean: Of ``logit_normal``; above 0 = more noise, as in the paper; diffusers' script has the other sign.
        logit_std: Of ``logit_normal``, above 0.
        mode_scale: Of ``mode``, in [-1, 1.75]; above 0 = more of the middle.

    Raises:
        ValueError: When one is out of its range.
    """

    density: Density = "logit_normal"
    logit_mean: float = 0.0
    logit_std: float = 1.0
    mode_scale: float = 1.29

    def __post_init__(self) -> None:
        if self.density not in get_args(Density):
            raise ValueError(f"Expected `density` to be one of {list(get_args(Density))}, got {self.density!r}.")
        if not math.isfinite(self.logit_mean):
            raise ValueError(f"Expected `logit_mean` to be a finite number, got {self.logit_mean}.")
        if not 0 < self.logit_std < math.inf:
            raise ValueError(f"Expected `logit_std` to be a finite number above 0, got {self.logit_std}.")
        if not MODE_SCALES[0] <= self.mode_scale <= MODE_SCALES[1]:
            raise ValueError(
                f"Expected `mode_scale` to be in [{MODE_SCALES[0]}, {MODE_SCALES[1]:.3f}], got {self.mode_scale}."
            )

    def quantiles(self, uniform: Tensor) -> Tensor:
        """Return the noise levels below which these shares of all draws lie; so uniform draws become draws of them."""
        match self.density:
            case "logit_normal":
                return torch.sigmoid(self.logit_mean + self.logit_std * torch.special.ndtri(uniform))
            case "mode":
                return uniform - self.mode_scale * ((math.pi / 2 * uniform).sin() ** 2 - uniform)
            case _:
                return uniform


def shifted_timesteps(levels: Tensor, shift: float, steps: int) -> Tensor:
    """Move noise levels towards noise, as larger images ask for, and return them as timesteps.

    Args:
        levels: In ``[0, 1]``.
        shift: Above 1 = towards noise.
        steps: Of the whole way.

    Returns:
        float32 in ``[0, steps)``.
    """
    timesteps = (steps * shift * levels / (1 + (shift - 1) * levels)).float()
    # Rounding reaches the end, which no draw does.
    return timesteps.clamp(max=torch.nextafter(torch.tensor(float(steps)), torch.tensor(0.0)).item())
