"""Rows of a shard set to batches: read, decode what is needed, transform, stack."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lightning_compose.data.batch import PairBatch
from lightning_compose.data.images import decode_image
from lightning_compose.data.masks import decode_mask
from lightning_compose.data.schema import Annotation, EncodedImage, Noun, Rle, Sample, SampleError
from lightning_compose.data.shards import ShardError, ShardSet
from lightning_compose.data.transforms import Mask, Pixels, Placement, Transform

NO_MASK, EMPTY_MASK, VANISHED, TOO_MANY = "no_mask", "empty_mask", "vanished_in_crop", "more_than_max_nouns"


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
        pairs = [self.prepare(row, index) for row, index in zip(rows, indices, strict=True)]
        return stack(pairs, self.max_nouns, self.negatives)

    def prepare(self, row: int, index: int) -> PreparedPair:
        """Read, decode and transform one sample, whole or not at all.

        Args:
            row: Which sample.
            index: Its global sample index.

        Raises:
            ShardError: With shard, key and reason, when anything of the sample that is needed is bad.
        """
        sample = self.shards.read(row)
        shard = self.shards.shards[self.shards.table[row]["shard"]].path
        try:
            return self._transformed(sample, shard, index)
        except SampleError as error:
            where = os.path.join(os.fspath(self.shards.root), shard)
            raise ShardError(where, sample.key, error.reason, str(error)) from error

    def _transformed(self, sample: Sample, shard: str, index: int) -> PreparedPair:
        annotation = sample.annotation
        placement = self.transform.place(index, _captions(annotation))
        image = decode_image(sample.positive)
        noun_masks, unsupervised = self._noun_masks(annotation, image.shape[:2], placement)
        return PreparedPair(
            index=index,
            key=sample.key,
            shard=shard,
            annotation=annotation,
            positive=self._pixels(image, placement),
            negative=self._negative(sample.negative, placement),
            noun_masks=noun_masks,
            unsupervised=unsupervised,
        )

    def _negative(self, image: EncodedImage | None, placement: Placement) -> Pixels | None:
        return self._pixels(decode_image(image), placement) if image is not None and self.negatives else None

    def _pixels(self, image: Pixels, placement: Placement) -> Pixels:
        return self.transform.image(image, placement).transpose(2, 0, 1)

    def _noun_masks(
        self, annotation: Annotation, size: tuple[int, ...], placement: Placement
    ) -> tuple[dict[int, Mask], Counter[str]]:
        nouns = self._kept_nouns(annotation.nouns)
        unsupervised = Counter({TOO_MANY: len(annotation.nouns) - len(nouns)})
        needed = {noun.mask for noun in nouns if noun.mask is not None}
        whole = {number: _decoded(number, annotation.masks[number], size) for number in needed}
        cut = {number: self.transform.mask(mask, placement) for number, mask in whole.items()}
        noun_masks = {}
        for column, noun in enumerate(nouns):
            if noun.mask is None:
                unsupervised[NO_MASK] += 1
            elif cut[noun.mask].any():
                noun_masks[column] = cut[noun.mask]
            else:
                unsupervised[VANISHED if whole[noun.mask].any() else EMPTY_MASK] += 1
        return noun_masks, +unsupervised

    def _kept_nouns(self, nouns: tuple[Noun, ...]) -> tuple[Noun, ...]:
        if len(nouns) > self.max_nouns:
            # The same text every time, so that a process warns once.
            warnings.warn(
                f"A caption has more than `max_nouns` = {self.max_nouns} nouns: the last ones are unsupervised. "
                f"`PairBatch.unsupervised` counts them as {TOO_MANY!r}; raise `max_nouns` to keep them.",
                stacklevel=1,
            )
        return nouns[: self.max_nouns]


def stack(pairs: Sequence[PreparedPair], max_nouns: int, negatives: bool = True) -> PairBatch:
    """Stack prepared pairs to a batch.

    Args:
        pairs: At least one.
        max_nouns: n, to which the nouns are padded.
        negatives: Whether the batch has negatives of its own; without, `negative` is `positive`.
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


def _decoded(number: int, mask: Rle, size: tuple[int, ...]) -> Mask:
    # A set is checked when it is indexed, but by whoever made its index.
    if mask.size != size:
        raise SampleError(
            "mask_size",
            f"Expected mask {number} to have its image's size, {size[0]} x {size[1]} (height x width), got "
            f"{mask.size[0]} x {mask.size[1]}. Make the index again.",
        )
    return decode_mask(mask)


def _captions(annotation: Annotation) -> tuple[str, ...]:
    negative = annotation.negative_caption
    return (annotation.caption,) if negative is None else (annotation.caption, negative)
