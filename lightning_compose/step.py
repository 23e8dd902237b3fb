"""What one training step computed: everything that a loss may read.

Shape legend of the package::

    b batch    n nouns (padded)    l text tokens    c h w latent channels, height, width    d p widths of the text
    a attention heads    k supervised tokens (padded)
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from lightning_compose.data.batch import PairBatch


@dataclass(frozen=True)
class Tokens:
    """Captions as a text encoder reads them.

    Args:
        ids: Token ids, int64 ``[b, l]``.
        nouns: Which tokens belong to which noun, bool ``[b, n, l]``; all False for padding and for nouns that reach
            beyond the tokenizer's length.
    """

    ids: Tensor
    nouns: Tensor

    def to(self, device: torch.device) -> Tokens:
        """Copy to a device."""
        return Tokens(self.ids.to(device), self.nouns.to(device))


@dataclass(frozen=True)
class Text:
    """Encoded captions: `sequence` ``[b, l, d]`` conditions the denoiser, `pooled` ``[b, p]`` stands for the whole."""

    sequence: Tensor
    pooled: Tensor


@dataclass(frozen=True)
class Prediction:
    """What a denoiser returns, and what was asked of its inside.

    Args:
        positive: The prediction for the positives, ``[b, c, h, w]``.
        maps: By layer, every pixel's probability mass on each column of the readout, ``[b, a, columns, h, w]`` at the
            layer's own resolution; of the positives.
        features_positive: By block, its output ``[b, channels, h, w]``.
        features_negative: The same of the negatives; empty without them.
    """

    positive: Tensor
    maps: dict[str, Tensor] = field(default_factory=dict)
    features_positive: dict[str, Tensor] = field(default_factory=dict)
    features_negative: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class NounAttention:
    """One layer's attention to the nouns, in the precision of the denoiser.

    Args:
        tokens: Probability of each supervised token, ``[b, a, k, h, w]``.
        others: Probability mass of all tokens that are not the noun's, ``[b, a, n, h, w]``. 1 - A, but exact where A
            is nearly 1.
    """

    tokens: Tensor
    others: Tensor


@dataclass(frozen=True)
class DenoisingStep:
    """One denoising step over a batch of positives, perhaps with their negatives.

    Args:
        batch: What came from the shards, images and masks at image resolution.
        dropped: Whose caption was dropped, bool ``[b]``.
        tokens: The captions that conditioned the step: empty where dropped, then without nouns.
        text: Those captions, encoded.
        pooled: The captions as they were before any was dropped, each encoded as a whole, ``[b, p]``.
        timesteps: ``[b]``.
        noise: ``[b, c, h, w]``, standard normal.
        noisy: The denoiser's input, ``[b, c, h, w]``.
        prediction: The denoiser's output, ``[b, c, h, w]``, with gradient.
        target: What it should have been, ``[b, c, h, w]``.
        noun_tokens: Which supervised tokens are which noun's, bool ``[b, n, k]``; all False for a noun that has no
            supervision.
        attention: By layer, the attention to those tokens; of the layers that a loss declared in its `needs`.
        features_positive: By block, its output ``[b, channels, h, w]``; likewise.
        features_negative: The same of the negatives, which share text, timestep and noise with the positives; where
            there is no negative, of the positive again.
    """

    batch: PairBatch
    dropped: Tensor
    tokens: Tokens
    text: Text
    pooled: Tensor
    timesteps: Tensor
    noise: Tensor
    noisy: Tensor
    prediction: Tensor
    target: Tensor
    noun_tokens: Tensor
    attention: dict[str, NounAttention]
    features_positive: dict[str, Tensor]
    features_negative: dict[str, Tensor]

    @property
    def noun_supervised(self) -> Tensor:
        """Which nouns have both a mask and tokens, bool ``[b, n]``."""
        return self.batch.noun_supervised & self.tokens.nouns.any(dim=2)

    @property
    def unsupervised_nouns(self) -> Tensor:
        """How many nouns lack a mask or were cut off, a scalar; those of dropped captions lack nothing."""
        cut_off = self.batch.noun_supervised & ~self.noun_supervised & ~self.dropped[:, None]
        return cut_off.sum() + self.batch.unsupervised.total()
