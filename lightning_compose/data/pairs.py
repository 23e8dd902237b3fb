"""Rows of a shard set to batches: read, decode what is needed, transform, stack."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import NamedTuple

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
from lightning_compose.data.cache import FeatureCache
from lightning_compose.data.cache.features import CachedFeatures, stack_features
from lightning_compose.data.cache.layout import NEGATIVE_MOMENTS, Features
from lightning_compose.data.images import decode_image
from lightning_compose.data.noun_masks import noun_masks
from lightning_compose.data.schema import Annotation, Sample, SampleError
from lightning_compose.data.shards import ShardError, ShardSet
from lightning_compose.data.transforms import Mask, Pixels, Placement, Transform


class Images(NamedTuple):
    """The images of one sample, transformed.

    Args:
        size: The positive's in its file, ``(height_px, width_px)``.
        positive: uint8 ``[h, w, c]``.
        negative: uint8 ``[h, w, c]``; None where there is none, or nobody needs it.
    """

    size: tuple[int, ...]
    positive: Pixels
    negative: Pixels | None


@dataclass(frozen=True, slots=True)
class PreparedPair:
    """One sample, read, decoded and transformed: all that a batch takes of it.

    Args:
        index: Global sample index.
        key: Its key in its shard.
        shard: Path of the shard, relative to the set.
        annotation: As it lies there.
        images: None where features stand for them.
        features: By member; None without a cache.
        noun_masks: bool ``[h, w]`` by the noun's place; of the supervised nouns only.
        unsupervised: How many nouns are not, by reason.
    """

    index: int
    key: str
    shard: str
    annotation: Annotation
    images: Images | None
    features: Features | None
    noun_masks: dict[int, Mask]
    unsupervised: Counter[str]

    @property
    def has_negative(self) -> bool:
        """Whether it has a negative that the batch takes."""
        if self.images is not None:
            return self.images.negative is not None
        return self.features is not None and NEGATIVE_MOMENTS in self.features


@dataclass(frozen=True)
class PairReader:
    """Read batches of transformed pairs.

    Args:
        shards: Where the samples lie.
        transform: Applied to both images and the masks alike.
        max_nouns: n; further nouns of a caption are dropped and counted.
        negatives: Whether negative images are decoded; without, `negative` is `positive`.
        replacements: What is read in the place of a bad sample; None = nothing, it is an error.
        cache: Features that stand for images and encoded captions; None = images are decoded.
        images_too: With a cache: whether images are decoded all the same.
    """

    shards: ShardSet
    transform: Transform
    max_nouns: int
    negatives: bool = True
    replacements: Replacements | None = None
    cache: FeatureCache | None = None
    images_too: bool = False

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
        empty = None if self.cache is None else self.cache.empty_caption
        return stack(pairs, self.max_nouns, self.transform.size_px, self.negatives, bad, empty)

    def prepare(self, row: int, index: int) -> PreparedPair:
        """Read, decode and transform one sample, whole or not at all.

        Args:
            row: Which sample.
            index: Its global sample index.

        Raises:
            ShardError: With shard, key and reason, when anything of the sample that is needed is bad.
        """
        features = None if self.cache is None else self.cache.read(row, self.negatives)
        sample = self.shards.read(row) if features is None or self.images_too else None
        annotation = self.shards.annotation(row) if sample is None else sample.annotation
        key, shard = self.shards.key(row) if sample is None else sample.key, self._shard(row)
        try:
            placement = self.transform.place(index, _captions(annotation))
            images = None if sample is None else self._images(sample, placement)
            size = _mask_size(annotation) if images is None else images.size
            masks, unsupervised = noun_masks(annotation, size, self.transform, placement, self.max_nouns)
        except SampleError as error:
            where = os.path.join(os.fspath(self.shards.root), shard)
            raise ShardError(where, key, error.reason, str(error)) from error
        return PreparedPair(index, key, shard, annotation, images, features, masks, unsupervised)

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
                bad.append(BadSample(candidate, self._shard(candidate), key, error.reason, error.in_shard))
        raise TooManyBadSamplesError(
            f"Expected one of {MAX_DRAWS} samples drawn in the place of a bad one to be good, got "
            f"{count_reasons(bad[before:])}. Run `python -m lightning_compose shards check {self.shards.root}`."
        )

    def _shard(self, row: int) -> str:
        return self.shards.shards[self.shards.table[row]["shard"]].path

    def _images(self, sample: Sample, placement: Placement) -> Images:
        positive = decode_image(sample.positive)
        negative = decode_image(sample.negative) if sample.negative is not None and self.negatives else None
        pixels = None if negative is None else self.transform.image(negative, placement)
        return Images(positive.shape[:2], self.transform.image(positive, placement), pixels)


def stack(
    pairs: Sequence[PreparedPair],
    max_nouns: int,
    size_px: int,
    negatives: bool = True,
    bad: Sequence[BadSample] = (),
    empty_caption: Features | None = None,
) -> PairBatch:
    """Stack prepared pairs to a batch.

    Args:
        pairs: At least one.
        max_nouns: n, to which the nouns are padded.
        size_px: Side of images and masks.
        negatives: Whether the batch has negatives of its own; without, `negative` is `positive`.
        bad: What some of them replace.
        empty_caption: Its features, by field; None without a cache.
    """
    positive, negative = _stacked_images(pairs, negatives)
    return PairBatch(
        indices=[pair.index for pair in pairs],
        keys=[pair.key for pair in pairs],
        captions=[pair.annotation.caption for pair in pairs],
        negative_captions=[pair.annotation.negative_caption for pair in pairs],
        nouns=[pair.annotation.nouns[:max_nouns] for pair in pairs],
        positive=positive,
        negative=negative,
        has_negative=torch.tensor([pair.has_negative for pair in pairs]),
        noun_masks=_stacked_masks(pairs, max_nouns, size_px),
        noun_supervised=torch.from_numpy(_supervised(pairs, max_nouns)),
        unsupervised=_by_shard(pairs),
        bad=list(bad),
        features=None if empty_caption is None else _stacked_features(pairs, empty_caption, negatives),
    )


def _stacked_images(pairs: Sequence[PreparedPair], negatives: bool) -> tuple[Tensor | None, Tensor | None]:
    images = [pair.images for pair in pairs if pair.images is not None]
    if not images:
        return None, None
    positive = _stacked([each.positive for each in images])
    if not negatives:
        return positive, positive
    return positive, _stacked([each.positive if each.negative is None else each.negative for each in images])


def _stacked_features(pairs: Sequence[PreparedPair], empty_caption: Features, negatives: bool) -> CachedFeatures:
    return stack_features([pair.features for pair in pairs if pair.features is not None], empty_caption, negatives)


def _stacked(images: Sequence[Pixels]) -> Tensor:
    # A view: channels stay last in memory. To move them costs more than to read the file.
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


def _stacked_masks(pairs: Sequence[PreparedPair], max_nouns: int, size_px: int) -> Tensor:
    # Column after column in memory, as COCO's runs are: to turn them costs more than to decode them.
    columns = np.zeros((len(pairs), max_nouns, size_px, size_px), dtype=np.bool_)
    for place, pair in enumerate(pairs):
        for noun, mask in pair.noun_masks.items():
            columns[place, noun] = mask.T
    return torch.from_numpy(columns).mT


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


def _mask_size(annotation: Annotation) -> tuple[int, ...]:
    # Where no image is decoded, the masks must at least have one size.
    return annotation.masks[0].size if annotation.masks else ()
