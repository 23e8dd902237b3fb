"""Rows of a shard set to batches: read, decode what is needed, transform, stack."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import torch
from torch import Tensor

from lightning_compose.data.bad_samples import (
    MAX_DRAWS,
    BadSample,
    Replacements,
    TooManyBadSamplesError,
    count_reasons,
)
from lightning_compose.data.batch import PairBatch
from lightning_compose.data.images import decode_image
from lightning_compose.data.noun_masks import noun_masks
from lightning_compose.data.schema import Annotation, EncodedImage, Sample, SampleError
from lightning_compose.data.shards import ShardError, ShardSet
from lightning_compose.data.transforms import Mask, Pixels, Placement, Transform


@dataclass(frozen=True, slots=True)
class PreparedPair:
    """One sample, read, decoded and transformed: all that a batch takes of it.

    Args:
        index: Global sample index.
        key: Its key in its shard.
        shard: Path of the shard, relative to the set.
        annotation: As it lies there.
        positive: uint8 ``[c, h, w]``.
        negative: uint8 ``[c, h, w]``; None where there is none, or nobody needs it.
        noun_masks: bool ``[h, w]`` by the noun's place; of the supervised nouns only.
        unsupervised: How many nouns are not, by reason.
    """

    index: int
    key: str
    shard: str
    annotation: Annotation
    positive: Pixels
    negative: Pixels | None
    noun_masks: dict[int, Mask]
    unsupervised: Counter[str]


@dataclass(frozen=True)
class PairReader:
    """Read batches of transformed pairs.

    Args:
        shards: Where the samples lie.
        transform: Applied to both images and the masks alike.
        max_nouns: n; further nouns of a caption are dropped and counted.
        negatives: Whether negative images are decoded; without, `negative` is `positive`.
        replacements: What is read in the place of a bad sample; None = nothing, it is an error.
    """

    shards: ShardSet
    transform: Transform
    max_nouns: int
    negatives: bool = True
    replacements: Replacements | None = None

    def read(self, rows: Sequence[int], indices: Sequence[int]) -> PairBatch:
        """Read one batch.

        Args:
            rows: Which samples, ``[b]``.
            indices: Their global sample indices, ``[b]``: what is random in the transform follows from them.

        Raises:
            ShardError: When a sample is bad, and bad ones are not to be replaced.
            TooManyBadSamplesError: When nothing but bad samples is found to replace one.
        """
        bad: list[BadSample] = []
        pairs = [self._usable(row, index, bad) for row, index in zip(rows, indices, strict=True)]
        return stack(pairs, self.max_nouns, self.negatives, bad)

    def prepare(self, row: int, index: int) -> PreparedPair:
        """Read, decode and transform one sample, whole or not at all.

        Args:
            row: Which sample.
            index: Its global sample index.

        Raises:
            ShardError: With shard, key and reason, when anything of the sample that is needed is bad.
        """
        sample, shard = self.shards.read(row), self._shard(row)
        try:
            return self._transformed(sample, shard, index)
        except SampleError as error:
            where = os.path.join(os.fspath(self.shards.root), shard)
            raise ShardError(where, sample.key, error.reason, str(error)) from error

    def _usable(self, row: int, index: int, bad: list[BadSample]) -> PreparedPair:
        """Prepare the row or the first one in its place that is not bad; append those that are."""
        if self.replacements is None:
            return self.prepare(row, index)
        before = len(bad)
        for candidate in chain([row], islice(self.replacements(index), MAX_DRAWS)):
            try:
                return self.prepare(candidate, index)
            except ShardError as error:
                key = self.shards.key(candidate)
                bad.append(BadSample(candidate, self._shard(candidate), key, error.reason, error.message))
        raise TooManyBadSamplesError(
            f"Expected one of {MAX_DRAWS} samples drawn in the place of a bad one to be good, got "
            f"{count_reasons(bad[before:])}. Run `python -m lightning_compose shards check {self.shards.root}`."
        )

    def _shard(self, row: int) -> str:
        return self.shards.shards[self.shards.table[row]["shard"]].path

    def _transformed(self, sample: Sample, shard: str, index: int) -> PreparedPair:
        annotation = sample.annotation
        placement = self.transform.place(index, _captions(annotation))
        image = decode_image(sample.positive)
        masks, unsupervised = noun_masks(annotation, image.shape[:2], self.transform, placement, self.max_nouns)
        return PreparedPair(
            index=index,
            key=sample.key,
            shard=shard,
            annotation=annotation,
            positive=self._pixels(image, placement),
            negative=self._negative(sample.negative, placement),
            noun_masks=masks,
            unsupervised=unsupervised,
        )

    def _negative(self, image: EncodedImage | None, placement: Placement) -> Pixels | None:
        return self._pixels(decode_image(image), placement) if image is not None and self.negatives else None

    def _pixels(self, image: Pixels, placement: Placement) -> Pixels:
        return self.transform.image(image, placement).transpose(2, 0, 1)


def stack(
    pairs: Sequence[PreparedPair], max_nouns: int, negatives: bool = True, bad: Sequence[BadSample] = ()
) -> PairBatch:
    """Stack prepared pairs to a batch.

    Args:
        pairs: At least one.
        max_nouns: n, to which the nouns are padded.
        negatives: Whether the batch has negatives of its own; without, `negative` is `positive`.
        bad: What some of them replace.
    """
    positive = _stacked([pair.positive for pair in pairs])
    return PairBatch(
        indices=[pair.index for pair in pairs],
        keys=[pair.key for pair in pairs],
        captions=[pair.annotation.caption for pair in pairs],
        negative_captions=[pair.annotation.negative_caption for pair in pairs],
        nouns=[pair.annotation.nouns[:max_nouns] for pair in pairs],
        positive=positive,
        negative=_stacked_negatives(pairs) if negatives else positive,
        has_negative=torch.tensor([pair.negative is not None for pair in pairs]),
        noun_masks=torch.from_numpy(_stacked_masks(pairs, max_nouns)),
        noun_supervised=torch.from_numpy(_supervised(pairs, max_nouns)),
        unsupervised=_by_shard(pairs),
        bad=list(bad),
    )


def _stacked_negatives(pairs: Sequence[PreparedPair]) -> Tensor:
    return _stacked([pair.positive if pair.negative is None else pair.negative for pair in pairs])


def _stacked(images: Sequence[Pixels]) -> Tensor:
    # Without `out` the result would keep the images' strides: channels last.
    return torch.from_numpy(np.stack(images, out=np.empty((len(images), *images[0].shape), dtype=np.uint8)))


def _stacked_masks(pairs: Sequence[PreparedPair], max_nouns: int) -> Mask:
    masks = np.zeros((len(pairs), max_nouns, *pairs[0].positive.shape[1:]), dtype=np.bool_)
    for place, pair in enumerate(pairs):
        for column, mask in pair.noun_masks.items():
            masks[place, column] = mask
    return masks


def _supervised(pairs: Sequence[PreparedPair], max_nouns: int) -> Mask:
    return np.array([[column in pair.noun_masks for column in range(max_nouns)] for pair in pairs], dtype=np.bool_)


def _by_shard(pairs: Sequence[PreparedPair]) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for pair in pairs:
        counts.update({(reason, pair.shard): nouns for reason, nouns in pair.unsupervised.items()})
    return counts


def _captions(annotation: Annotation) -> tuple[str, ...]:
    negative = annotation.negative_caption
    return (annotation.caption,) if negative is None else (annotation.caption, negative)
