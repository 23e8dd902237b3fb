"""The diffusion models that the package trains, behind one contract."""

from lightning_compose.backbones.base import Backbone
from lightning_compose.backbones.stable_diffusion import StableDiffusion
from lightning_compose.backbones.stable_diffusion_3 import StableDiffusion3

__all__ = ["Backbone", "StableDiffusion", "StableDiffusion3"]
