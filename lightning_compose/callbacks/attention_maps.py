"""Where each noun of a caption attends to: pictures that show the model learn to put nouns in their places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from itertools import islice
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.utilities.combined_loader import CombinedLoader
from lightning.pytorch.utilities.rank_zero import rank_zero_warn
from torch import Tensor
from torch.utils.data import DataLoader

from lightning_compose.callbacks.attention_picture import AttentionRow, NounMap, attention_picture, noun_maps
from lightning_compose.callbacks.ema import averaged
from lightning_compose.callbacks.every_n_steps import EveryNSteps
from lightning_compose.callbacks.grid import publish
from lightning_compose.data.batch import PairBatch
from lightning_compose.data.dataset import EvaluationBatches
from lightning_compose.functional import in_mask_share
from lightning_compose.needs import Needs
from lightning_compose.step import DenoisingStep

SEARCHED_BATCHES = 8
LEGEND = (
    "Attention to each noun, brightest at its own peak, beside its mask; the number is the share of the attention that "
    "lies in the mask."
)


class AttentionMaps(EveryNSteps):
    """Draw the attention to every noun of fixed validation images into ``pictures/attention-STEP.png``.

    Args:
        images: How many, the first of the validation set that have a noun with a mask; 0 = no pictures.
        every_n_steps: Optimizer steps between two pictures; 0 = only at the end.
        layers: Cross-attention layers to average over, by name or selector; see `Backbone.resolve`.
        noise_level: In [0, 1): how noisy the images are, as a share of the way through the timesteps.

    Each image has the same noise at every step: only the model changes between two pictures. Where the trainer
    averages the weights (`EMA`), these are the average's maps. The global
    random generators are left alone, so pictures do not change the training. A backbone without cross-attention has
    no pictures.
    """

    def __init__(
        self,
        images: int = 4,
        every_n_steps: int = 500,
        layers: Sequence[str] = ("default",),
        noise_level: float = 0.4,
    ) -> None:
        super().__init__(every_n_steps)
        if images < 0:
            raise ValueError(f"Expected `images` to be at least 0, got {images}. 0 = no pictures.")
        if isinstance(layers, str) or not layers:
            raise ValueError(f"Expected `layers` to be a list with at least one name, got {layers!r}.")
        if not 0 <= noise_level < 1:
            raise ValueError(f"Expected `noise_level` to be in [0, 1), got {noise_level}.")
        self.images = images
        self.noise_level = noise_level
        self.needs = Needs(attention=tuple(layers))
        self._batches: list[PairBatch] | None = None

    def setup(self, trainer: Trainer, pl_module: Any, stage: str) -> None:
        if self.images and pl_module.backbone.attention_layers:
            # A wrong name is refused now, and not at the first picture.
            pl_module.backbone.resolve(self.needs)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self._batches = None

    def act(self, trainer: Trainer, pl_module: Any) -> None:
        if not self.images or not trainer.is_global_zero or not pl_module.backbone.attention_layers:
            return
        if self._batches is None:
            with torch.random.fork_rng(devices=[]):
                self._batches = first_supervised(validation_batches(trainer), self.images)
        steps = (denoising_step(batch, trainer, pl_module, self.needs, self.noise_level) for batch in self._batches)
        with averaged(trainer):
            rows = [row for step in steps for row in attention_rows(step)]
        if not rows:
            rank_zero_warn(
                "Expected validation images that have a noun with a mask, to draw attention maps of, got none in the "
                f"first {SEARCHED_BATCHES} batches. Validate on some (`data.val_fraction`), or set `images` to 0."
            )
            return
        picture = attention_picture(rows, f"Step {trainer.global_step}. {LEGEND}")
        publish(picture, "attention", f"attention-{trainer.global_step:06d}", trainer)


@torch.no_grad()
def denoising_step(
    batch: PairBatch, trainer: Trainer, pl_module: Any, needs: Needs, noise_level: float
) -> DenoisingStep:
    """Do a step as validation does, with draws that depend on the samples alone."""
    backbone = pl_module.backbone
    training = backbone.training
    backbone.eval()
    try:
        with trainer.precision_plugin.val_step_context():
            return pl_module.denoising_step(batch.to(pl_module.device), "attention", needs, noise_level)
    finally:
        backbone.train(training)


def attention_rows(step: DenoisingStep) -> Iterator[AttentionRow]:
    """Yield a row for each image of the batch that has a supervised noun."""
    images = step.batch.positive
    if images is None:
        raise ValueError("Expected the images of the batch to draw maps beside, got their features alone.")
    height_px, width_px = images.shape[-2:]
    maps = noun_maps(step.attention.values(), step.noun_tokens, (height_px, width_px)).detach().cpu().numpy()
    shares = in_mask_shares(step).cpu().numpy()
    masks = step.batch.noun_masks.cpu().numpy()
    pixels = images.permute(0, 2, 3, 1).cpu().numpy()
    for image, supervised in enumerate(step.noun_tokens.any(dim=2).tolist()):
        nouns = tuple(
            NounMap(noun, maps[image, column], masks[image, column], shares[image, column])
            for column, noun in enumerate(step.batch.nouns[image])
            if supervised[column]
        )
        if nouns:
            yield AttentionRow(pixels[image], step.batch.captions[image], step.timesteps[image].item(), nouns)


def in_mask_shares(step: DenoisingStep) -> Tensor:
    """Return how much of each noun's attention lies in its mask, ``[b, n]``; NaN for a noun without supervision."""
    tokens = [each.tokens for each in step.attention.values()]
    nouns = range(step.noun_tokens.shape[1])
    masks = step.batch.noun_masks
    each = [in_mask_share(tokens, step.noun_tokens[:, n : n + 1], masks[:, n : n + 1]) for n in nouns]
    return torch.stack(each, dim=1)


def validation_batches(trainer: Trainer) -> Iterator[PairBatch]:
    """Yield this rank's validation batches, read in this process."""
    loaders = [] if trainer.val_dataloaders is None else CombinedLoader(trainer.val_dataloaders).flattened
    for loader in loaders:
        yield from _in_this_process(loader)


def _in_this_process(loader: Any) -> Any:
    if isinstance(loader, DataLoader) and isinstance(loader.dataset, EvaluationBatches):
        return DataLoader(loader.dataset.with_images(), batch_size=None, sampler=loader.sampler)
    alone = copy(loader)
    if isinstance(alone, DataLoader):
        # The loader itself would start its workers, or take those that validation keeps.
        alone.num_workers = 0
    return alone


def first_supervised(batches: Iterator[PairBatch], images: int) -> list[PairBatch]:
    """Return the first samples that have a noun with a mask, at most `images`, as parts of their batches."""
    found: list[PairBatch] = []
    for batch in islice(batches, SEARCHED_BATCHES):
        rows = batch.noun_supervised.any(dim=1).nonzero().flatten().tolist()[:images]
        if rows:
            found.append(batch.select(rows))
        images -= len(rows)
        if images == 0:
            break
    return found
