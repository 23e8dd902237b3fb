"""What one training step computed: everything that a loss may read.

Shape legend of the package::

    b batch    n nouns (padded)    l text tokens    c h w latent channels, height, width    d p widths of the text
    a attention heads    k supervised tokens (padded)    i token ids
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from lightning_compose.data.batch import PairBatch
from lightning_compose.needs import Needs


@dataclass(frozen=True)
class Tokens:
    """Captions as the text encoders read them.

    Args:
        ids: Token ids of all tokenizers, side by side, int64 ``[b, i]``.
        nouns: Which tokens of `Text.sequence` belong to which noun, bool ``[b, n, l]``; all False for padding and for
            nouns that reach beyond the tokenizer's length.
    """

    ids: Tensor
    nouns: Tensor

    def to(self, device: torch.device) -> Tokens:
        """Copy to a device."""
        return Tokens(self.ids.to(device), self.nouns.to(device))

    def __getitem__(self, rows: Tensor) -> Tokens:
        """Return the captions at `rows`."""
        return Tokens(self.ids[rows], self.nouns[rows])


@dataclass(frozen=True)
class Text:
    """Encoded captions: `sequence` ``[b, l, d]`` conditions the denoiser, `pooled` ``[b, p]`` stands for the whole."""

    sequence: Tensor
    pooled: Tensor

    def __getitem__(self, rows: Tensor) -> Text:
        """Return the captions at `rows`."""
        return Text(self.sequence[rows], self.pooled[rows])


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
        dropped: Whose caption was dropped, by all text encoders or by those whose tokens are supervised, bool ``[b]``.
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
        return self.noun_tokens.any(dim=2)

    @property
    def unsupervised_nouns(self) -> Tensor:
        """How many nouns lack a mask, or lost their tokens though their caption was not dropped, a scalar."""
        without_tokens = self.batch.noun_supervised & ~self.noun_supervised & ~self.dropped[:, None]
        return without_tokens.sum() + self.batch.unsupervised.total()

    def declared(self, needs: Needs) -> DenoisingStep:
        """Return the step with the layers that a loss declared, and no others.

        Args:
            needs: Resolved by the backbone; contained in those that the step was computed for.
        """
        return replace(
            self,
            attention={name: self.attention[name] for name in needs.attention},
            features_positive={name: self.features_positive[name] for name in needs.features},
            features_negative={name: self.features_negative[name] for name in needs.features if needs.negatives},
        )
