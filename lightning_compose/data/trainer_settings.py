"""What an endless loader asks of the Trainer: settings to derive, settings to refuse.

The loader never ends, so one epoch is the whole run, and Lightning's intervals count micro-batches.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from lightning.pytorch.utilities.rank_zero import rank_zero_warn


class _Derived(int):
    """A setting computed here. The next `fit` of the same Trainer knows it by its type and computes it anew."""

    given: int

    def __new__(cls, value: int, given: int) -> _Derived:
        derived = super().__new__(cls, value)
        derived.given = given
        return derived


# What `max_steps` was set to where it was left out: the next `fit` of the same Trainer computes it anew.
_planned_steps: WeakKeyDictionary[Trainer, int] = WeakKeyDictionary()


def prepare(trainer: Trainer, accumulation: int, *, validates: bool) -> None:
    """Make a Trainer ready for the endless loader, at the start of fit.

    Args:
        trainer: Its `accumulate_grad_batches` is set, its `val_check_interval`, given in optimizer steps, is turned
            into micro-batches. Preparing it twice changes nothing.
        accumulation: Micro-batches an optimizer step.
        validates: Whether there is anything to validate on.

    Raises:
        ValueError: When the Trainer's settings contradict the loader.
    """
    _set_accumulation(trainer, accumulation)
    if _is_dry_run(trainer):
        return
    _require_endless_epoch(trainer)
    _count_validation_in_steps(trainer, accumulation)
    if validates and trainer.enable_validation:
        _warn_if_never_validated(trainer)


def set_max_steps(trainer: Trainer, planned_steps: int) -> None:
    """Let a run whose `max_steps` is left out train to the end of its plan; a smaller number stops early.

    Raises:
        ValueError: When `max_steps` goes beyond the plan.
    """
    given = trainer.max_steps
    if given in (-1, _planned_steps.get(trainer)):
        # A plain int: schedules keep it, and what they keep goes into checkpoints, which must load without code.
        trainer.fit_loop.epoch_loop.max_steps = _planned_steps[trainer] = planned_steps
    elif given > planned_steps and not _is_dry_run(trainer):
        raise ValueError(
            f"Expected `trainer.max_steps` to be at most {planned_steps}, the sum of the curriculum's stages, got "
            f"{given}. Leave it out to train to the end, or make a stage longer."
        )


def require_whole_steps(trainer: Trainer) -> None:
    """Check that a resumed run begins with a whole optimizer step.

    Raises:
        RuntimeError: When the LightningModule does not repair Lightning's counters on load.
    """
    loop = trainer.fit_loop.epoch_loop
    expected = trainer.global_step * trainer.accumulate_grad_batches
    if loop.restarting and loop.batch_progress.current.ready != expected and not _is_dry_run(trainer):
        raise RuntimeError(
            f"Expected the checkpoint to stand at micro-batch {expected}, the end of optimizer step "
            f"{trainer.global_step}, got {loop.batch_progress.current.ready}: the next step would be cut short. Call "
            "`lightning_compose.data.resume.realign_batch_progress` in your LightningModule's `on_load_checkpoint`."
        )


def _is_dry_run(trainer: Trainer) -> bool:
    # A few micro-batches, in which Lightning sets every limit itself.
    return bool(trainer.fast_dev_run)  # type: ignore[attr-defined]


def _set_accumulation(trainer: Trainer, accumulation: int) -> None:
    given = trainer.accumulate_grad_batches
    by_hand = given != 1 and not isinstance(given, _Derived)
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    if by_hand or any(isinstance(each, GradientAccumulationScheduler) for each in callbacks):
        raise ValueError(
            "Expected the accumulation to follow from `global_batch_size`, `micro_batch_size` and the number of ranks, "
            f"got `accumulate_grad_batches` = {given} or a GradientAccumulationScheduler. "
            "Leave both out and set `data.global_batch_size`."
        )
    trainer.accumulate_grad_batches = _Derived(accumulation, given=1)


def _count_validation_in_steps(trainer: Trainer, accumulation: int) -> None:
    # There is none when validation goes by the clock.
    interval = getattr(trainer, "val_check_interval", None)
    if isinstance(interval, int):
        steps = interval.given if isinstance(interval, _Derived) else interval
        trainer.val_check_interval = _Derived(steps * accumulation, given=steps)


def _require_endless_epoch(trainer: Trainer) -> None:
    if trainer.max_epochs != -1:
        raise ValueError(
            "Expected a run whose length is set by `trainer.max_steps` with `trainer.max_epochs` = -1, because the "
            f"loader is endless and an epoch never ends, got `max_steps` = {trainer.max_steps} and `max_epochs` = "
            f"{trainer.max_epochs}. Set `max_steps` and leave `max_epochs` out."
        )
    if isinstance(trainer.limit_train_batches, int) or trainer.limit_train_batches != 1.0:
        raise ValueError(
            "Expected `limit_train_batches` and `overfit_batches` to be left alone, because a new epoch would begin "
            f"with the samples of the last one, got {trainer.limit_train_batches}. Set `max_steps` for a short run."
        )


def _warn_if_never_validated(trainer: Trainer) -> None:
    at_epoch_end = isinstance(getattr(trainer, "val_check_interval", None), float)
    if at_epoch_end or trainer.check_val_every_n_epoch not in (None, 1):
        rank_zero_warn(
            "Validation will never run: the loader is endless and an epoch never ends. Set "
            "`trainer.val_check_interval` to a number of optimizer steps and `trainer.check_val_every_n_epoch` to "
            "None, or `trainer.limit_val_batches` to 0."
        )
