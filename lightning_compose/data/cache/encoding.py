"""Decoded samples to their features in float16, by whatever model encodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lightning_compose.data.cache.layout import DTYPE, EMPTY_CAPTION, NEGATIVE_MOMENTS, POSITIVE_MOMENTS, TEXT, Features
from lightning_compose.data.transforms import Pixels

Floats = npt.NDArray[np.floating]


class Encoder(Protocol):
    """What a cache asks of a model."""

    def images(self, images: Pixels) -> Floats:
        """Return mean and standard deviation of the latents, ``[b, 2c, h, w]``, of uint8 ``[b, 3, h_px, w_px]``."""

    def captions(self, captions: Sequence[str]) -> Mapping[str, Floats]:
        """Return the encoded captions' fields by name, each ``[b, ...]``."""


@dataclass(frozen=True, slots=True)
class DecodedPair:
    """What is encoded of a sample; images are uint8 ``[3, h_px, w_px]``."""

    key: str
    caption: str
    positive: Pixels
    negative: Pixels | None


def encode_pairs(pairs: Sequence[DecodedPair], encoder: Encoder) -> list[Features]:
    """Encode samples at once.

    Raises:
        ValueError: When a feature is no finite number in float16's range.
    """
    if not pairs:
        return []
    negatives = [pair.negative for pair in pairs if pair.negative is not None]
    positive = encoder.images(np.stack([pair.positive for pair in pairs]))
    negative = iter(encoder.images(np.stack(negatives)) if negatives else ())
    text = encoder.captions([pair.caption for pair in pairs])
    return [
        _half_precision(
            {
                POSITIVE_MOMENTS: positive[place],
                **({} if pair.negative is None else {NEGATIVE_MOMENTS: next(negative)}),
                **{f"{TEXT}{name}": rows[place] for name, rows in text.items()},
            },
            pair.key,
        )
        for place, pair in enumerate(pairs)
    ]


def encode_empty_caption(encoder: Encoder) -> Features:
    """Encode what a dropped caption becomes."""
    text = encoder.captions([""])
    return _half_precision({f"{TEXT}{name}": rows[0] for name, rows in text.items()}, EMPTY_CAPTION)


def _half_precision(features: Mapping[str, Floats], key: str) -> Features:
    with np.errstate(over="ignore"):
        halves = {name: each.astype(DTYPE) for name, each in features.items()}
    for name, each in halves.items():
        if not np.isfinite(each).all():
            raise ValueError(
                f"Expected `{name}` of sample {key!r} to be finite numbers in float16's range, got others. What these "
                "encoders return cannot be cached: train without `data.cache`."
            )
    return halves
