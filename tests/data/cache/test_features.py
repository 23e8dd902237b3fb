"""The features of a batch at their places."""

import numpy as np
import torch

from lightning_compose.data.cache.features import stack_features


def sample(number, negative=True):
    moments = np.full((2, 4, 4), number, np.float16)
    features = {"positive.moments": moments, "text.pooled": np.full(3, number, np.float16)}
    return features | ({"negative.moments": -moments} if negative else {})


EMPTY = {"pooled": np.full(3, 9, np.float16)}


def test_where_there_is_no_negative_stands_the_positive():
    stacked = stack_features([sample(1), sample(2, negative=False)], EMPTY, negatives=True)
    assert stacked.positive[:, 0, 0, 0].tolist() == [1, 2]
    assert stacked.negative[:, 0, 0, 0].tolist() == [-1, 2]


def test_without_negatives_they_are_the_same_object_also_elsewhere():
    stacked = stack_features([sample(1)], EMPTY, negatives=False)
    assert stacked.negative is stacked.positive
    moved = stacked.with_tensors(torch.clone)
    assert moved.negative is moved.positive
    assert moved.empty["pooled"] is not stacked.empty["pooled"]


def test_the_empty_caption_is_behind_the_others():
    stacked = stack_features([sample(1), sample(2)], EMPTY, negatives=True)
    assert stacked.captions()["pooled"].tolist() == [[1] * 3, [2] * 3, [9] * 3]
    assert stacked.captions()["pooled"].dtype == torch.float32
    assert stacked.select([1]).captions()["pooled"].tolist() == [[2] * 3, [9] * 3]
