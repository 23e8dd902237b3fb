"""What the user has set on an optimizer and its schedule, kept over a resume."""

from __future__ import annotations

from typing import Any

from diffusers.optimization import SchedulerType
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def group_settings(optimizer: Optimizer) -> list[dict[str, Any]]:
    """Return each parameter group's settings: learning rate, betas, weight decay..."""
    return [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]


def apply_settings(optimizer: Optimizer, schedule: LambdaLR, settings: list[dict[str, Any]]) -> None:
    """Put settings over those that a checkpoint restored; moments and the schedule's place stay as restored.

    Args:
        optimizer: Restored or new.
        schedule: The optimizer's; its rates at ``schedule.last_epoch`` follow from the settings' ``initial_lr``.
        settings: As `group_settings` returned them after the schedule was made.
    """
    schedule.base_lrs = [each["initial_lr"] for each in settings]
    for group, each, factor in zip(optimizer.param_groups, settings, schedule.lr_lambdas, strict=True):
        group.update(each, lr=each["initial_lr"] * factor(schedule.last_epoch))


def require_schedule(name: str) -> None:
    """Check the name of a learning-rate schedule.

    Raises:
        ValueError: When diffusers has none of this name, or it takes more than a number of steps.
    """
    known = [each.value for each in SchedulerType if each is not SchedulerType.PIECEWISE_CONSTANT]
    if name not in known:
        raise ValueError(f"Expected `lr_schedule` to be one of {known}, got {name!r}.")
