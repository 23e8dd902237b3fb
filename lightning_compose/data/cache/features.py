"""The features of a batch, in the place of its images and the encoding of its captions.

Shapes: b = batch, c h w = latent channels, height, width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lightning_compose.data.cache.layout import NEGATIVE_MOMENTS, POSITIVE_MOMENTS, TEXT, Features


@dataclass(frozen=True)
class CachedFeatures:
    """What the frozen encoders returned for a batch, float16.

    Args:
        positive: Mean and standard deviation of the positives' latents, ``[b, 2c, h, w]``.
        negative: Those of the negatives, or of the positive again where there is none; without negatives the same
            object as `positive`.
        text: The encoded captions' fields by name, each ``[b, ...]``.
        empty: Those of the empty caption, each ``[...]``.
    """

    positive: Tensor
    negative: Tensor
    text: dict[str, Tensor]
    empty: dict[str, Tensor]

    def captions(self) -> dict[str, Tensor]:
        """Return the fields of all captions and, behind them, of the empty one, float32 ``[b + 1, ...]``."""
        return {name: torch.cat([rows.float(), self.empty[name][None].float()]) for name, rows in self.text.items()}

    def select(self, rows: list[int]) -> CachedFeatures:
        """Return the features of the samples at `rows`."""
        return self._changed(lambda tensor: tensor[rows], self.empty)

    def with_tensors(self, change: Callable[[Tensor], Tensor]) -> CachedFeatures:
        """Return them with each tensor changed, as by a copy to a device."""
        return self._changed(change, {name: change(each) for name, each in self.empty.items()})

    def _changed(self, change: Callable[[Tensor], Tensor], empty: dict[str, Tensor]) -> CachedFeatures:
        positive = change(self.positive)
        negative = positive if self.negative is self.positive else change(self.negative)
        return CachedFeatures(positive, negative, {name: change(each) for name, each in self.text.items()}, empty)


def stack_features(samples: Sequence[Features], empty: Features, negatives: bool) -> CachedFeatures:
    """Stack the features of samples to those of a batch.

    Args:
        samples: By member, at least one sample.
        empty: The empty caption's, by field.
        negatives: Whether the batch has negatives of its own.
    """
    positive = _stacked([each[POSITIVE_MOMENTS] for each in samples])
    others = [each.get(NEGATIVE_MOMENTS, each[POSITIVE_MOMENTS]) for each in samples] if negatives else []
    return CachedFeatures(
        positive,
        _stacked(others) if negatives else positive,
        {name: _stacked([each[f"{TEXT}{name}"] for each in samples]) for name in empty},
        {name: torch.from_numpy(each.copy()) for name, each in empty.items()},
    )


def _stacked(arrays: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(arrays))
