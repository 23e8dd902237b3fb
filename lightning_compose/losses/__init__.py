"""Terms of the training loss, each a callback."""

from lightning_compose.losses.base import LossCallback

__all__ = ["LossCallback"]
