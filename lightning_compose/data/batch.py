"""A micro-batch of pairs, as the module gets it.

Shapes: b = batch, n = noun (padded to `max_nouns`), c = 3 color channels, h = w = `size_px`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor

from lightning_compose.data.bad_samples import BadSample
from lightning_compose.data.cache.features import CachedFeatures
from lightning_compose.data.schema import Noun


class PairBatch:
    """Pairs of images with captions, nouns and masks; pixels are still uint8.

    Not a dataclass: under bf16-true, FSDP and DeepSpeed Lightning would walk into one, and stop at the frozen nouns.

    Args:
        indices: Global sample indices, ``[b]``; in evaluation the rows in the shard set. They seed the noise.
        keys: The samples' keys in their shards.
        captions: Of the positives.
        negative_captions: Of the negatives; None where there is none.
        nouns: At most n each, in the order of the masks.
        positive: uint8 ``[b, c, h, w]``, channels last in memory; None where `features` stand for them.
        negative: uint8 ``[b, c, h, w]``; the positive again where there is none; None likewise.
        has_negative: bool ``[b]``.
        noun_masks: bool ``[b, n, h, w]``, all False for a noun that is padding or unsupervised.
        noun_supervised: bool ``[b, n]``: the noun has a mask, and some of it is inside the crop.
        unsupervised: How many nouns are not supervised, by reason and shard.
        bad: Samples that could not be used; others are in their places.
        features: What a feature cache holds of the samples; None without one.
    """

    def __init__(
        self,
        *,
        indices: list[int],
        keys: list[str],
        captions: list[str],
        negative_captions: list[str | None],
        nouns: list[tuple[Noun, ...]],
        positive: Tensor | None,
        negative: Tensor | None,
        has_negative: Tensor,
        noun_masks: Tensor,
        noun_supervised: Tensor,
        unsupervised: Counter[tuple[str, str]],
        bad: list[BadSample],
        features: CachedFeatures | None = None,
    ) -> None:
        self.indices = indices
        self.keys = keys
        self.captions = captions
        self.negative_captions = negative_captions
        self.nouns = nouns
        self.positive = positive
        self.negative = negative
        self.has_negative = has_negative
        self.noun_masks = noun_masks
        self.noun_supervised = noun_supervised
        self.unsupervised = unsupervised
        self.bad = bad
        self.features = features

    def __len__(self) -> int:
        return len(self.keys)

    def select(self, rows: list[int]) -> PairBatch:
        """Return the samples at `rows`; what is counted by batch starts anew."""
        batch = self._with_tensors(lambda tensor: tensor[rows], self.features and self.features.select(rows))
        batch.indices = [self.indices[row] for row in rows]
        batch.keys = [self.keys[row] for row in rows]
        batch.captions = [self.captions[row] for row in rows]
        batch.negative_captions = [self.negative_captions[row] for row in rows]
        batch.nouns = [self.nouns[row] for row in rows]
        batch.unsupervised = Counter()
        return batch

    def to(self, device: torch.device | str, non_blocking: bool = False) -> PairBatch:
        """Return the batch with its tensors on `device`."""
        return self._changed(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> PairBatch:
        """Return the batch with its tensors in page-locked memory; the DataLoader calls this."""
        return self._changed(Tensor.pin_memory)

    def _changed(self, change: Callable[[Tensor], Tensor]) -> PairBatch:
        return self._with_tensors(change, self.features and self.features.with_tensors(change))

    def _with_tensors(self, change: Callable[[Tensor], Tensor], features: CachedFeatures | None) -> PairBatch:
        # Without negatives, `negative` is the same object as `positive`: change it once and keep it so.
        changed = {id(value): change(value) for value in vars(self).values() if isinstance(value, Tensor)}
        fields = {name: changed.get(id(value), value) for name, value in vars(self).items()}
        return PairBatch(**{**fields, "features": features})
