"""Terms of the training loss, each a callback."""

from lightning_compose.losses.base import LossCallback
from lightning_compose.losses.contrastive import ContrastiveLoss
from lightning_compose.losses.pixel import PixelLoss
from lightning_compose.losses.token import TokenLoss

__all__ = ["ContrastiveLoss", "LossCallback", "PixelLoss", "TokenLoss"]
