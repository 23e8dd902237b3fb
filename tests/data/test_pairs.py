"""Samples to batches: pixels, masks, nouns and negatives at their places."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lightning_compose.data.images import encode_image
from lightning_compose.data.masks import encode_mask
from lightning_compose.data.noun_masks import EMPTY_MASK, NO_MASK, TOO_MANY, VANISHED
from lightning_compose.data.pairs import PairReader
from lightning_compose.data.schema import EncodedImage, Noun, Rle
from lightning_compose.data.shards import ShardError
from lightning_compose.data.shards.table import Shard
from lightning_compose.data.transforms import Transform

SHARD = "single/000000.tar"


class Stored:
    """A shard set of one shard, in memory."""

    root, shards = Path("set"), [Shard(SHARD, 0, 0, "")]

    def __init__(self, *samples):
        self.samples = samples
        self.table = np.zeros(len(samples), [("shard", "<u4")])

    def read(self, row):
        return self.samples[row]


def read(*samples, max_nouns=4, negatives=True, indices=None, **transform):
    reader = PairReader(Stored(*samples), Transform(**{"size_px": 16, **transform}), max_nouns, negatives)
    rows = range(len(samples))
    return reader.read(rows, rows if indices is None else indices)


def coordinate_sample(make_sample, height=16, width=40, **changes):
    """A sample whose positive has the row in red and the column in green; its mask lies in the middle."""
    rows, columns = np.mgrid[:height, :width]
    pixels = np.stack([rows, columns, 0 * rows], axis=-1).astype(np.uint8)
    mask = np.zeros((height, width), dtype=bool)
    mask[height // 3 : height // 2, width // 3 : width * 2 // 3] = True
    sample = make_sample(0, height, width, masks=(encode_mask(mask),), **changes)
    return replace(sample, positive=encode_image(pixels)), mask


@pytest.mark.parametrize("index", range(8))
def test_masks_follow_every_pixel_through_random_crop_and_mirror(make_sample, index):
    sample, mask = coordinate_sample(make_sample)
    batch = read(sample, indices=[index], crop="random", mirror=True)
    row, column, _ = batch.positive[0].long()
    assert np.array_equal(batch.noun_masks[0, 0], mask[row, column])


def test_some_are_mirrored_but_never_one_that_says_left(make_sample):
    sample, _ = coordinate_sample(make_sample)
    directed, _ = coordinate_sample(make_sample, negative_caption="a dog left of a cup")

    def mirrored(sample):
        batches = [read(sample, indices=[index], mirror=True) for index in range(12)]
        return [bool(batch.positive[0, 1, 0, 0] > batch.positive[0, 1, 0, -1]) for batch in batches]

    assert 0 < sum(mirrored(sample)) < 12
    assert not any(mirrored(directed))


def test_a_negative_is_cut_where_its_positive_is(make_sample):
    sample, _ = coordinate_sample(make_sample)
    sample = replace(sample, negative=sample.positive)
    batch = read(*[sample] * 8, crop="random", mirror=True)
    assert torch.equal(batch.positive, batch.negative)
    assert len({batch.positive[place].sum().item() for place in range(8)}) > 4


def test_nouns_are_padded_and_those_without_mask_unsupervised(make_sample):
    batch = read(make_sample(0), make_sample(1, nouns=()))
    assert batch.noun_masks.shape == (2, 4, 16, 16)
    assert batch.noun_supervised.tolist() == [[True, False, False, False], [False] * 4]
    assert [len(nouns) for nouns in batch.nouns] == [2, 0]
    assert torch.equal(batch.noun_masks.flatten(2).any(2), batch.noun_supervised)
    assert batch.unsupervised == {(NO_MASK, SHARD): 1}


def test_nouns_may_share_a_mask(make_sample):
    nouns = (Noun("cup", ((0, 3),), mask=0), Noun("dog", ((18, 21),), mask=0))
    batch = read(make_sample(0, nouns=nouns))
    assert batch.noun_supervised[0].tolist() == [True, True, False, False]
    assert torch.equal(batch.noun_masks[0, 0], batch.noun_masks[0, 1])


def test_a_noun_whose_mask_vanished_in_the_crop_is_unsupervised_and_counted(make_sample):
    mask = np.zeros((16, 40), dtype=bool)
    mask[:, :5] = True
    batch = read(make_sample(0, 16, 40, masks=(encode_mask(mask),)))
    assert not batch.noun_supervised.any()
    assert batch.unsupervised == {(NO_MASK, SHARD): 1, (VANISHED, SHARD): 1}


def test_an_empty_mask_is_told_from_one_that_vanished(make_sample):
    batch = read(make_sample(0, masks=(encode_mask(np.zeros((16, 24), dtype=bool)),)))
    assert not batch.noun_supervised.any()
    assert batch.unsupervised == {(NO_MASK, SHARD): 1, (EMPTY_MASK, SHARD): 1}


BROKEN = {
    "bad_image": lambda sample: replace(sample, negative=EncodedImage("webp", b"no image")),
    "mask_size": lambda sample: replace(
        sample, annotation=replace(sample.annotation, masks=(encode_mask(np.ones((24, 16), dtype=bool)),))
    ),
    "bad_mask": lambda sample: replace(sample, annotation=replace(sample.annotation, masks=(Rle((16, 24), "1"),))),
}


@pytest.mark.parametrize("reason", BROKEN)
def test_what_is_bad_is_raised_with_shard_key_and_reason(make_sample, reason):
    with pytest.raises(ShardError) as caught:
        read(make_sample(0), BROKEN[reason](make_sample(1)))
    assert (caught.value.path, caught.value.member, caught.value.reason) == (f"set/{SHARD}", "000000001", reason)


def test_channels_are_last_in_memory_also_of_a_sample_taken_from_the_batch(make_sample):
    batch = read(make_sample(0), make_sample(1))
    for each in (batch, batch.select([1])):
        assert each.positive.is_contiguous(memory_format=torch.channels_last)
        assert each.negative.is_contiguous(memory_format=torch.channels_last)


def test_more_nouns_than_max_nouns_are_dropped_with_a_warning_and_counted(make_sample):
    with pytest.warns(UserWarning, match="more than `max_nouns` = 1"):
        batch = read(make_sample(0), max_nouns=1)
    assert [noun.text for noun in batch.nouns[0]] == ["cup"]
    assert batch.noun_masks.shape[1] == 1
    assert batch.unsupervised == {(TOO_MANY, SHARD): 1}


def test_missing_negatives_are_padded_and_flagged(make_sample):
    batch = read(make_sample(0), make_sample(1, negative=False))
    assert batch.has_negative.tolist() == [True, False]
    assert not torch.equal(batch.negative[0], batch.positive[0])
    assert torch.equal(batch.negative[1], batch.positive[1])


def test_negatives_that_nobody_needs_are_not_even_decoded(make_sample):
    broken = replace(make_sample(0), negative=EncodedImage("webp", b"no image"))
    batch = read(broken, negatives=False)
    assert batch.negative is batch.positive
    assert not batch.has_negative.any()
