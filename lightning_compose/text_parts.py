"""Where each text encoder's share of an encoded caption lies, and how it is dropped by itself.

Shapes: b = batch, i = token id, n = noun (padded), l = text token, d p = widths of the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_compose.step import Text, Tokens


@dataclass(frozen=True)
class TextPart:
    """What one text encoder contributes.

    Args:
        ids: Which of `Tokens.ids` it reads.
        tokens: Which text tokens l of `Text.sequence` it encodes.
        width: Which of the width d it fills of them; encoders may share tokens, side by side.
        pooled: Which of the width p of `Text.pooled` it fills.
    """

    ids: slice
    tokens: slice
    width: slice
    pooled: slice


def drop_encoders(
    tokens: Tokens, text: Text, parts: Mapping[str, TextPart], dropped: Mapping[str, Tensor]
) -> tuple[Tokens, Text]:
    """Replace what single encoders say of a caption by what they say of the empty one.

    A text token keeps its nouns as long as one encoder of it keeps the caption.

    Args:
        tokens: Of b captions, the last of them empty.
        text: The same, encoded.
        parts: By encoder; together they cover all tokens of nouns.
        dropped: By encoder, which captions it drops, bool ``[b]``.
    """
    ids_bi, sequence_bld, pooled_bp = tokens.ids.clone(), text.sequence.clone(), text.pooled.clone()
    kept_bl = torch.zeros_like(tokens.nouns[:, 0])
    for name, part in parts.items():
        _empty(ids_bi[:, part.ids], dropped[name])
        _empty(sequence_bld[:, part.tokens, part.width], dropped[name])
        _empty(pooled_bp[:, part.pooled], dropped[name])
        kept_bl[:, part.tokens] |= ~dropped[name][:, None]
    return Tokens(ids_bi, tokens.nouns & kept_bl[:, None]), Text(sequence_bld, pooled_bp)


def _empty(rows: Tensor, dropped: Tensor) -> None:
    # Not by indexing with `dropped`: that would wait for the GPU.
    rows.copy_(torch.where(dropped.view(-1, *[1] * (rows.ndim - 1)), rows[-1:], rows))


def whole_text() -> TextPart:
    """Return the part of an only text encoder."""
    return TextPart(*[slice(None)] * 4)
