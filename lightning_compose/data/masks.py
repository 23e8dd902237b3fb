"""Noun masks as COCO's compressed run-length encoding: some 900 bytes for a mask of 512 x 512."""

from __future__ import annotations

import re

import numpy as np
from pycocotools import mask as coco

from lightning_compose.data.images import MAX_PIXELS
from lightning_compose.data.schema import Rle, SampleError

# A run is written in groups of five bits, lowest first; all characters of a run but its last are "P" to "o".
_RUNS = re.compile(r"(?:[P-o]{0,5}[0-O])*")


def encode_mask(mask: np.ndarray) -> Rle:
    """Encode one mask.

    Args:
        mask: bool ``[height, width]``.
    """
    height, width = mask.shape
    counts = coco.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"]
    return Rle((height, width), counts.decode("ascii"))


def decode_mask(rle: Rle) -> np.ndarray:
    """Decode one mask to bool ``[height, width]``.

    The runs are read here: for runs that do not fill the mask pycocotools returns whatever lay in memory.

    Raises:
        SampleError: With reason ``bad_mask``, when the runs do not fill the mask exactly, or it is larger than any
            image may be.
    """
    height, width = rle.size
    if height < 1 or width < 1:
        raise _bad_mask(f"a mask of {height} x {width} pixels")
    pixels = height * width
    if pixels > MAX_PIXELS:
        raise SampleError("bad_mask", f"Expected a mask of at most {MAX_PIXELS:,} pixels, got {height} x {width}.")
    runs = _run_lengths(rle)
    # Each run is bounded first: the sum of forged ones could overflow to the number that is expected.
    if ((runs < 0) | (runs > pixels)).any() or runs.sum() != pixels:
        raise _bad_mask(f"runs of {runs.sum()} pixels for a mask of {height} x {width}")
    values = np.arange(runs.size) % 2 == 1
    return np.repeat(values, runs).reshape(width, height).T


def _run_lengths(rle: Rle) -> np.ndarray:
    if not _RUNS.fullmatch(rle.counts):
        raise _bad_mask(f"counts {rle.counts[:40]!r}")
    digits = np.frombuffer(rle.counts.encode("ascii"), np.uint8).astype(np.int64) - ord("0")
    ends = np.flatnonzero(digits < 32)
    starts = np.concatenate([[0], ends + 1])[: ends.size]
    place = np.arange(digits.size) - np.repeat(starts, ends - starts + 1)
    runs = np.add.reduceat((digits & 31) << (5 * place), starts) if ends.size else digits
    negative = digits[ends] & 16 != 0
    runs = runs - (negative.astype(np.int64) << (5 * (ends - starts + 1)))
    return _undo_differences(runs)


def _undo_differences(runs: np.ndarray) -> np.ndarray:
    # From the fourth run on, what is stored is the difference from the run two before.
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return runs


def _bad_mask(found: str) -> SampleError:
    return SampleError("bad_mask", f"Expected COCO's compressed run-length encoding, got {found}. Encode it again.")
