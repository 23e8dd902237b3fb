"""The repair of Lightning's counters when a run goes on from a checkpoint."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Trainer

Counts = dict[str, int]

# As in the middle of the first batch: Lightning then does the validation anew, from its beginning and before it trains.
_INTERRUPTED: Counts = {"ready": 1, "started": 1, "processed": 0, "completed": 0}


def realign_batch_progress(checkpoint: dict[str, Any], trainer: Trainer) -> None:
    """Make a checkpoint look as if it had been saved right after its last optimizer step, in micro-batches of this run.

    Lightning counts micro-batches of the size they had when it saved, those of an unfinished step included, and
    closes a step when the count divides by the accumulation. After a checkpoint inside a step, or with another
    accumulation, the first step would be cut short and all later ones would shift, silently. A validation that was due
    after that step and had not ended when the checkpoint was saved would be left out: it is done first.

    Call it in `LightningModule.on_load_checkpoint`, before the loops are restored::

        def on_load_checkpoint(self, checkpoint):
            realign_batch_progress(checkpoint, self.trainer)

    Args:
        checkpoint: As Lightning loaded it; changed in place. One without loops is left alone.
        trainer: Of the run that goes on, its accumulation and its `val_check_interval` in micro-batches.
    """
    fit_loop = _fit_loop(checkpoint)
    if not fit_loop:
        return
    steps = checkpoint["global_step"]
    micro_batches = steps * int(trainer.accumulate_grad_batches)
    is_owed = _validates_after(micro_batches, trainer) and not _has_validated(fit_loop, steps)
    # As in `on_train_batch_end`, where ModelCheckpoint saves: Lightning itself completes this batch and this step. With
    # `completed` equal to the others it would skip an iteration where validation is due, and log one step late.
    for counts in _counts(fit_loop, "epoch_loop.batch_progress"):
        counts.update(ready=micro_batches, started=micro_batches, processed=micro_batches, completed=micro_batches - 1)
    fit_loop["epoch_loop.state_dict"]["_batches_that_stepped"] = steps - 1
    for counts in _counts(fit_loop, "epoch_loop.val_loop.batch_progress"):
        # Otherwise one that was cut off would be finished on its first batches, and its mean be that of a few.
        counts.update(dict.fromkeys(_INTERRUPTED, counts["ready"]))
    if is_owed:
        owe_validation(checkpoint)


def owe_validation(checkpoint: dict[str, Any]) -> None:
    """Make a run that goes on from a checkpoint validate before it trains.

    Lightning asks the Trainer's `val_check_batch`, too, whether validation is due after that step.

    Args:
        checkpoint: After `realign_batch_progress`; changed in place. One without loops is left alone.
    """
    fit_loop = _fit_loop(checkpoint)
    if not fit_loop:
        return
    for counts in _counts(fit_loop, "epoch_loop.batch_progress"):
        # The iteration that completes nothing is what does it, under the number of the step before.
        counts["completed"] = counts["ready"]
    for counts in _counts(fit_loop, "epoch_loop.val_loop.batch_progress"):
        counts.update(_INTERRUPTED)


def owes_validation(checkpoint: dict[str, Any]) -> bool:
    """Say whether a run that goes on from a checkpoint validates before it trains.

    Args:
        checkpoint: After `realign_batch_progress`.
    """
    fit_loop = _fit_loop(checkpoint)
    return bool(fit_loop) and fit_loop["epoch_loop.val_loop.batch_progress"]["current"] == _INTERRUPTED


def _fit_loop(checkpoint: dict[str, Any]) -> dict[str, Any]:
    fit_loop: dict[str, Any] = checkpoint.get("loops", {}).get("fit_loop", {})
    return fit_loop if "epoch_loop.batch_progress" in fit_loop else {}


def _validates_after(micro_batches: int, trainer: Trainer) -> bool:
    # A float is the share of an epoch, which never ends; without any, validation goes by the clock.
    interval = getattr(trainer, "val_check_interval", None)
    if not isinstance(interval, int) or not trainer.fit_loop.epoch_loop._should_check_val_epoch():
        return False
    return micro_batches > 0 and micro_batches % interval == 0


def _has_validated(fit_loop: dict[str, Any], steps: int) -> bool:
    if fit_loop["epoch_loop.state_dict"]["_batches_that_stepped"] >= steps:
        return True
    # Lightning counts the step after its validation: in `on_validation_end` the batches alone tell.
    training, validation = (fit_loop[f"epoch_loop.{loop}batch_progress"] for loop in ("", "val_loop."))
    return _is_complete(training) and _is_complete(validation) and validation["is_last_batch"]


def _is_complete(progress: dict[str, Any]) -> bool:
    counts: Counts = progress["current"]
    return counts["completed"] == counts["ready"]


def _counts(fit_loop: dict[str, Any], progress: str) -> list[Counts]:
    return [fit_loop[progress]["total"], fit_loop[progress]["current"]]
