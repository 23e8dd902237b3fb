"""Losses that a user might write, for the tests of the command line."""

from torch import Tensor, nn

from lightning_compose.losses import LossCallback
from lightning_compose.step import DenoisingStep


class AbsoluteError(LossCallback):
    """The mean absolute error, to a power; its head scales it."""

    def __init__(self, weight: float = 1.0, power: float = 1.0) -> None:
        super().__init__(weight)
        self.power = power

    def build(self, module) -> nn.Module:
        return nn.Linear(1, 1)

    def compute(self, step: DenoisingStep, head: nn.Module | None) -> Tensor:
        error = (step.prediction - step.target).float().abs().pow(self.power).mean()
        return head(error[None]).squeeze()


class Constant(LossCallback):
    """A term that pulls nowhere."""

    def compute(self, step: DenoisingStep, head: nn.Module | None) -> Tensor:
        return 0.0 * step.prediction.float().mean()
