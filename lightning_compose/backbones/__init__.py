"""The diffusion models that the package trains, behind one contract."""

from lightning_compose.backbones.base import Backbone
from lightning_compose.backbones.stable_diffusion import StableDiffusion

__all__ = ["Backbone", "StableDiffusion"]
