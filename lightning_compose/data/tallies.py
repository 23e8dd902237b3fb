"""What batches tell of samples that could not be used, counted on each rank and told to all."""

from __future__ import annotations

from lightning.pytorch import Trainer
from lightning.pytorch.trainer.states import TrainerFn
from torch import distributed

from lightning_compose.data.batch import PairBatch
from lightning_compose.data.sample_report import Tally


def tally(batch: PairBatch, trainer: Trainer | None) -> Tally:
    """Count one batch.

    Args:
        batch: As a loader gave it.
        trainer: Who uses it. Evaluations repeat themselves in a training: its unsupervised nouns are those of the
            batches that it trains on.
    """
    bad = {each.row: each for each in batch.bad}
    if trainer is not None and trainer.state.fn == TrainerFn.FITTING and not trainer.training:
        return Tally(bad)
    return Tally(bad, batch.unsupervised.copy(), len(batch))


def gathered(own: Tally, world_size: int) -> list[Tally]:
    """Return the tallies of all ranks; all of them call it."""
    if world_size == 1:
        return [own]
    tallies: list[Tally] = [own] * world_size
    distributed.all_gather_object(tallies, own)
    return tallies
