"""The captions of a batch, encoded, with some of them dropped: what a training step is conditioned by."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_compose.backbones.base import Backbone
from lightning_compose.data.batch import PairBatch
from lightning_compose.draws import Draws
from lightning_compose.step import Text, Tokens
from lightning_compose.text_parts import drop_encoders


@dataclass(frozen=True)
class Conditioning:
    """Encoded captions.

    Args:
        dropped: Whose caption was dropped, by all encoders or by all whose tokens are supervised, bool ``[b]``.
        tokens: The captions that condition the step: empty where dropped, then without nouns.
        text: Those captions, encoded.
        pooled: The captions as they were before any was dropped, each encoded as a whole, ``[b, p]``.
    """

    dropped: Tensor
    tokens: Tokens
    text: Text
    pooled: Tensor


@torch.no_grad()
def encode_and_drop(
    backbone: Backbone, batch: PairBatch, draws: Draws, attributes: bool, caption_dropout: float, encoder_dropout: float
) -> Conditioning:
    """Encode the captions of a batch, unless it brings their features, and drop some.

    Args:
        backbone: Encodes.
        batch: On the device of the draws.
        draws: Of the batch's samples.
        attributes: Whether a noun's attributes are supervised with it.
        caption_dropout: Share of captions that are dropped whole.
        encoder_dropout: Share of captions that each text encoder drops by itself.
    """
    nouns = [[each.with_attributes() for each in row] for row in batch.nouns] if attributes else batch.nouns
    # One row more, the empty caption: a dropped one becomes it, and so has no nouns.
    tokens = backbone.tokenize([*batch.captions, ""], [*nouns, ()], batch.noun_masks.shape[1]).to(draws.device)
    encoded = batch.features
    text = backbone.encode_text(tokens) if encoded is None else backbone.text(encoded.captions())
    rows, pooled = torch.arange(len(batch), device=draws.device), text.pooled[:-1]
    dropped = (draws.uniform("caption_dropout") < caption_dropout).to(draws.device)
    conditioning = torch.where(dropped, len(batch), rows)
    if encoder_dropout > 0:
        supervised = _with_nouns(tokens)
        tokens, text = _drop_encoders(backbone, tokens, text, draws, encoder_dropout)
        dropped = dropped | (supervised & ~_with_nouns(tokens))
    return Conditioning(dropped, tokens[conditioning], text[conditioning], pooled)


def _drop_encoders(
    backbone: Backbone, tokens: Tokens, text: Text, draws: Draws, encoder_dropout: float
) -> tuple[Tokens, Text]:
    kept_whole = torch.zeros(1, dtype=torch.bool)  # the empty caption, behind the others
    dropped = {
        name: torch.cat([draws.uniform(f"encoder_dropout/{name}") < encoder_dropout, kept_whole]).to(draws.device)
        for name in backbone.text_encoders
    }
    return drop_encoders(tokens, text, backbone.text_encoders, dropped)


def _with_nouns(tokens: Tokens) -> Tensor:
    return tokens.nouns.flatten(1).any(dim=1)[:-1]
