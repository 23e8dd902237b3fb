"""The learning rate of a run, multiplied by a factor of the optimizer step."""

from __future__ import annotations

from collections.abc import Callable

from lightning.pytorch import Trainer
from torch.optim.lr_scheduler import LambdaLR

ByStep = Callable[[int], float]


def base_rate(trainer: Trainer) -> ByStep | None:
    """Return the learning rate of the first parameter group by optimizer step; None where it is unknown."""
    schedules = _lambda_schedules(trainer)
    if not schedules:
        return None
    base, factor = float(schedules[0].base_lrs[0]), schedules[0].lr_lambdas[0]
    return lambda step: base * factor(step)


def scale_rate(trainer: Trainer, factor: ByStep) -> None:
    """Multiply all learning rates by a factor of the optimizer step, from their next update on."""
    for schedule in _lambda_schedules(trainer):
        schedule.lr_lambdas = [_product(each, factor) for each in schedule.lr_lambdas]


def _lambda_schedules(trainer: Trainer) -> list[LambdaLR]:
    schedules = [config.scheduler for config in trainer.lr_scheduler_configs]
    return [each for each in schedules if isinstance(each, LambdaLR)]


def _product(one: ByStep, two: ByStep) -> ByStep:
    # A function, not an object: LambdaLR would put an object's attributes into the checkpoint.
    return lambda step: one(step) * two(step)
