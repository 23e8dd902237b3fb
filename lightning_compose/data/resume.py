"""The repair of Lightning's counters when a run goes on from a checkpoint."""

from __future__ import annotations

from typing import Any


def realign_batch_progress(checkpoint: dict[str, Any], accumulate_grad_batches: int) -> None:
    """Make a checkpoint look as if it had been saved right after its last optimizer step, in micro-batches of this run.

    Lightning counts micro-batches of the size they had when it saved, those of an unfinished step included, and
    closes a step when the count divides by the accumulation. After a checkpoint inside a step, or with another
    accumulation, the first step would be cut short and all later ones would shift, silently.

    Call it in `LightningModule.on_load_checkpoint`, before the loops are restored::

        def on_load_checkpoint(self, checkpoint):
            realign_batch_progress(checkpoint, self.trainer.accumulate_grad_batches)

    Args:
        checkpoint: As Lightning loaded it; changed in place. One without loops is left alone.
        accumulate_grad_batches: Micro-batches a step in the run that goes on.
    """
    fit_loop = checkpoint.get("loops", {}).get("fit_loop", {})
    if "epoch_loop.batch_progress" not in fit_loop:
        return
    steps = checkpoint["global_step"]
    micro_batches = steps * int(accumulate_grad_batches)
    # As in `on_train_batch_end`, where ModelCheckpoint saves: Lightning itself completes this batch and this step.
    # With `completed` equal to the others it would skip an iteration where validation is due, and log one step late.
    for counts in _counts(fit_loop, "epoch_loop.batch_progress"):
        counts.update(ready=micro_batches, started=micro_batches, processed=micro_batches, completed=micro_batches - 1)
    fit_loop["epoch_loop.state_dict"]["_batches_that_stepped"] = steps - 1
    # A validation that was cut off would be finished on its first batches, and its mean be that of a few.
    for counts in _counts(fit_loop, "epoch_loop.val_loop.batch_progress"):
        counts.update(started=counts["ready"], processed=counts["ready"], completed=counts["ready"])


def _counts(fit_loop: dict[str, Any], progress: str) -> list[dict[str, int]]:
    return [fit_loop[progress]["total"], fit_loop[progress]["current"]]
