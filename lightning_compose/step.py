"""What one training step computed: everything that a loss may read.

Shape legend of the package::

    b batch    n nouns (padded)    l text tokens    c h w latent channels, height, width    d p widths of the text
"""

from __future__ import annotations

from dataclasses import dataclass

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
class DenoisingStep:
    """One denoising step over a batch of positives.

    Args:
        batch: What came from the shards, images and masks at image resolution.
        dropped: Whose caption was dropped, bool ``[b]``.
        tokens: The captions that conditioned the step: empty where dropped, then without nouns.
        text: Those captions, encoded.
        timesteps: ``[b]``.
        noise: ``[b, c, h, w]``, standard normal.
        noisy: The denoiser's input, ``[b, c, h, w]``.
        prediction: The denoiser's output, ``[b, c, h, w]``, with gradient.
        target: What it should have been, ``[b, c, h, w]``.
    """

    batch: PairBatch
    dropped: Tensor
    tokens: Tokens
    text: Text
    timesteps: Tensor
    noise: Tensor
    noisy: Tensor
    prediction: Tensor
    target: Tensor

    @property
    def noun_supervised(self) -> Tensor:
        """Which nouns have both a mask and tokens, bool ``[b, n]``."""
        return self.batch.noun_supervised & self.tokens.nouns.any(dim=2)

    @property
    def unsupervised_nouns(self) -> Tensor:
        """How many nouns lack a mask or were cut off, a scalar; those of dropped captions lack nothing."""
        cut_off = self.batch.noun_supervised & ~self.noun_supervised & ~self.dropped[:, None]
        return cut_off.sum() + self.batch.unsupervised.total()
