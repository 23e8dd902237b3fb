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
        nouns: Which tokens belong to which noun, bool ``[b, n, l]``; all False for padding and for nouns that were cut
            off.
        cut_off: How many nouns reach beyond the tokenizer's length.
    """

    ids: Tensor
    nouns: Tensor
    cut_off: int

    def to(self, device: torch.device) -> Tokens:
        """Copy to a device."""
        return Tokens(self.ids.to(device), self.nouns.to(device), self.cut_off)


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
        tokens: The captions that conditioned the step: empty where dropped, then without nouns.
        text: Those captions, encoded.
        timesteps: ``[b]``.
        noise: ``[b, c, h, w]``, standard normal.
        noisy: The denoiser's input, ``[b, c, h, w]``.
        prediction: The denoiser's output, ``[b, c, h, w]``, with gradient.
        target: What it should have been, ``[b, c, h, w]``.
    """

    batch: PairBatch
    tokens: Tokens
    text: Text
    timesteps: Tensor
    noise: Tensor
    noisy: Tensor
    prediction: Tensor
    target: Tensor
