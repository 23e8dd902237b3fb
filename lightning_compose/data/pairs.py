"""Rows of a shard set to batches: read, decode what is needed, transform, stack."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lightning_compose.data.batch import PairBatch
from lightning_compose.data.images import decode_image
from lightning_compose.data.masks import decode_mask
from lightning_compose.data.schema import Annotation, EncodedImage, Noun, Sample
from lightning_compose.data.shards import ShardSet
from lightning_compose.data.transforms import Mask, Pixels, Placement, Transform

NO_MASK, VANISHED, TOO_MANY = "no_mask", "vanished_in_crop", "more_than_max_nouns"


@dataclass(frozen=True)
class PairReader:
    """Read batches of transformed pairs.

    Args:
        shards: Where the samples lie.
        transform: Applied to both images and the masks alike.
        max_nouns: n; further nouns of a caption are dropped and counted.
        negatives: Whether negative images are decoded; without, `negative` is `positive`.
    """

    shards: ShardSet
    transform: Transform
    max_nouns: int
    negatives: bool = True

    def read(self, rows: Sequence[int], indices: Sequence[int]) -> PairBatch:
        """Read one batch.

        Args:
            rows: Which samples, ``[b]``.
            indices: Their global sample indices, ``[b]``: what is random in the transform follows from them.
        """
        samples = [self.shards.read(row) for row in rows]
        stack = _Stack(len(samples), self.max_nouns, self.transform.size_px, self.negatives)
        unsupervised: Counter[str] = Counter()
        for place, (sample, index) in enumerate(zip(samples, indices, strict=True)):
            unsupervised += self._fill(stack, place, sample, index)
        return stack.batch(samples, indices, unsupervised)

    def _fill(self, stack: _Stack, place: int, sample: Sample, index: int) -> Counter[str]:
        placement = self.transform.place(index, _captions(sample.annotation))
        positive = self._pixels(sample.positive, placement)
        stack.positive[place] = positive
        if stack.negative is not None:
            stack.has_negative[place] = sample.negative is not None
            stack.negative[place] = positive if sample.negative is None else self._pixels(sample.negative, placement)
        return self._fill_nouns(stack, place, sample.annotation, placement)

    def _fill_nouns(self, stack: _Stack, place: int, annotation: Annotation, placement: Placement) -> Counter[str]:
        unsupervised: Counter[str] = Counter()
        masks: dict[int, Mask] = {}
        for column, noun in enumerate(self._kept_nouns(annotation.nouns, unsupervised)):
            if noun.mask is None:
                unsupervised[NO_MASK] += 1
                continue
            if noun.mask not in masks:
                masks[noun.mask] = self.transform.mask(decode_mask(annotation.masks[noun.mask]), placement)
            stack.noun_masks[place, column] = masks[noun.mask]
            stack.noun_supervised[place, column] = seen = bool(masks[noun.mask].any())
            unsupervised[VANISHED] += not seen
        return unsupervised

    def _kept_nouns(self, nouns: tuple[Noun, ...], unsupervised: Counter[str]) -> tuple[Noun, ...]:
        if len(nouns) > self.max_nouns:
            # The same text every time, so that a process warns once.
            warnings.warn(
                f"A caption has more than `max_nouns` = {self.max_nouns} nouns: the last ones are unsupervised. "
                f"`PairBatch.unsupervised[{TOO_MANY!r}]` counts them; raise `max_nouns` to keep them.",
                stacklevel=1,
            )
            unsupervised[TOO_MANY] += len(nouns) - self.max_nouns
        return nouns[: self.max_nouns]

    def _pixels(self, image: EncodedImage, placement: Placement) -> Pixels:
        return self.transform.image(decode_image(image), placement).transpose(2, 0, 1)


class _Stack:
    """The arrays of one batch, filled sample by sample."""

    def __init__(self, batch: int, max_nouns: int, size_px: int, negatives: bool) -> None:
        self.positive = np.empty((batch, 3, size_px, size_px), dtype=np.uint8)
        self.negative = np.empty_like(self.positive) if negatives else None
        self.has_negative = np.zeros(batch, dtype=np.bool_)
        self.noun_masks = np.zeros((batch, max_nouns, size_px, size_px), dtype=np.bool_)
        self.noun_supervised = np.zeros((batch, max_nouns), dtype=np.bool_)

    def batch(self, samples: list[Sample], indices: Sequence[int], unsupervised: Counter[str]) -> PairBatch:
        positive = torch.from_numpy(self.positive)
        max_nouns = self.noun_supervised.shape[1]
        return PairBatch(
            indices=list(indices),
            keys=[sample.key for sample in samples],
            captions=[sample.annotation.caption for sample in samples],
            negative_captions=[sample.annotation.negative_caption for sample in samples],
            nouns=[sample.annotation.nouns[:max_nouns] for sample in samples],
            positive=positive,
            negative=positive if self.negative is None else torch.from_numpy(self.negative),
            has_negative=torch.from_numpy(self.has_negative),
            noun_masks=torch.from_numpy(self.noun_masks),
            noun_supervised=torch.from_numpy(self.noun_supervised),
            unsupervised=+unsupervised,
        )


def _captions(annotation: Annotation) -> tuple[str, ...]:
    negative = annotation.negative_caption
    return (annotation.caption,) if negative is None else (annotation.caption, negative)
