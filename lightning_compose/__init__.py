"""Teach text-to-image diffusion models to compose."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightning_compose.backbones import Backbone, StableDiffusion, StableDiffusion3
    from lightning_compose.data.datamodule import ConPairDataModule
    from lightning_compose.losses import ContrastiveLoss, LossCallback, PixelLoss, TokenLoss
    from lightning_compose.module import ComposeModule
    from lightning_compose.needs import Needs
    from lightning_compose.step import DenoisingStep

__version__ = "0.1.0"
__all__ = [
    "Backbone",
    "ComposeModule",
    "ConPairDataModule",
    "ContrastiveLoss",
    "DenoisingStep",
    "LossCallback",
    "Needs",
    "PixelLoss",
    "StableDiffusion",
    "StableDiffusion3",
    "TokenLoss",
]

_HOMES = {
    "Backbone": "lightning_compose.backbones",
    "ComposeModule": "lightning_compose.module",
    "ConPairDataModule": "lightning_compose.data.datamodule",
    "ContrastiveLoss": "lightning_compose.losses",
    "DenoisingStep": "lightning_compose.step",
    "LossCallback": "lightning_compose.losses",
    "Needs": "lightning_compose.needs",
    "PixelLoss": "lightning_compose.losses",
    "StableDiffusion": "lightning_compose.backbones",
    "StableDiffusion3": "lightning_compose.backbones",
    "TokenLoss": "lightning_compose.losses",
}


def __getattr__(name: str) -> Any:
    # Imported when asked for: torch takes seconds, and the commands that need no model do without it.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
