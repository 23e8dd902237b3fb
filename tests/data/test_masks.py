"""Masks survive the round trip; runs that do not fill a mask are refused."""

import numpy as np
import pytest
from pycocotools import mask as coco

from lightning_compose.data.masks import decode_mask, encode_mask
from lightning_compose.data.schema import Rle, SampleError


def random_masks():
    rng = np.random.default_rng(0)
    yield np.zeros((3, 5), dtype=bool)
    yield np.ones((1, 7), dtype=bool)
    for _ in range(50):
        height, width = rng.integers(1, 90, 2)
        yield rng.random((height, width)) < rng.random()
    blob = np.zeros((600, 500), dtype=bool)
    blob[100:500, 40:480] = True
    yield blob


# pycocotools has not followed NumPy 2 in its decoder, which only this test calls.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_round_trip_and_agreement_with_pycocotools():
    for mask in random_masks():
        rle = encode_mask(mask)
        assert rle.size == mask.shape
        decoded = decode_mask(rle)
        assert decoded.dtype == bool
        assert np.array_equal(decoded, mask)
        assert np.array_equal(decoded, coco.decode({"size": list(rle.size), "counts": rle.counts.encode()}))


@pytest.mark.parametrize(
    ("size", "counts"),
    [
        ((3, 3), "1"),  # one pixel of nine: pycocotools fills up with what lay in memory
        ((3, 3), ""),
        ((3, 3), "55"),  # ten of nine
        ((3, 3), "P"),  # the last run goes on behind the end
        ((3, 3), "PPPPPPPPPPPPPPPP0"),
        ((3, 3), "9 0"),
        ((3, 3), "5\N{LATIN SMALL LETTER E WITH ACUTE}4"),
        ((3, 3), "N;"),  # a negative run
        ((0, 9), "0"),
        ((-3, -3), "9"),
        ((3, 3), "ooooooooo0" * 9),
    ],
)
def test_broken_runs_are_refused(size, counts):
    with pytest.raises(SampleError, match="run-length") as caught:
        decode_mask(Rle(size, counts))
    assert caught.value.reason == "bad_mask"


@pytest.mark.parametrize("size", [(8_001, 8_000), (2**40, 2**40), (1, 2**63)])
def test_a_mask_larger_than_any_image_is_refused_before_it_takes_memory(size):
    with pytest.raises(SampleError, match="at most 64,000,000 pixels") as caught:
        decode_mask(Rle(size, "0"))
    assert caught.value.reason == "bad_mask"
