"""Read the joint attention of an MMDiT: what each pixel's attention to the text is made of.

The softmax over pixels and text, renormalised over the text, is the softmax over the text alone. So it is computed by a
small call beside the joint one, which stays as it is. From the joint one, the divisor would be the mass on all of the
text: where pixels attend to pixels it vanishes, and takes the gradient along.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from diffusers.models.attention_processor import Attention
from torch import Tensor

from lightning_compose.capture.reader import Slot, split_heads


class JointAttentionReader:
    """Compute attention as `JointAttnProcessor2_0` does, and leave what the pixels' attention to the text is made of.

    Args:
        columns: Each text token's share in each column, ``[b, l, r]``, perhaps of the first samples only: then the
            others are not read.
    """

    def __init__(self, columns: Tensor) -> None:
        self.columns = columns
        self.slot = Slot()

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,  # JointAttnProcessor2_0 does not look at it either
    ) -> tuple[Tensor, Tensor]:
        pixels, text, read = _of_pixels(attn, hidden_states), _of_text(attn, encoder_hidden_states), len(self.columns)
        self.slot.maps = attention_to_text(pixels.query[:read], text.key[:read], self.columns)
        query, key, value = (torch.cat(pair, dim=2) for pair in zip(pixels, text, strict=True))
        attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2).to(query.dtype)
        of_pixels, of_text = attended.tensor_split([hidden_states.shape[1]], dim=1)
        projection, dropout = attn.to_out
        return dropout(projection(of_pixels)), of_text if attn.context_pre_only else attn.to_add_out(of_text)


class _Heads(NamedTuple):
    """Each ``[b, a, length, width]``."""

    query: Tensor
    key: Tensor
    value: Tensor


def attention_to_text(query: Tensor, key: Tensor, columns: Tensor) -> Tensor:
    """Return the pixels' attention to each column, renormalised over the text: exact and differentiable.

    Args:
        query: Of the pixels, ``[b, a, q, width]``.
        key: Of the text, ``[b, a, l, width]``.
        columns: Each text token's share in each column, ``[b, l, r]``.

    Returns:
        softmax(Q K^T / sqrt(width)) S, ``[b, a, q, r]``.
    """
    width, count = query.shape[-1], columns.shape[-1]
    shares = columns.to(query.dtype)[:, None].expand(-1, query.shape[1], -1, -1)
    # Zeros change no logit; unequal widths would go to the kernel that builds the whole map.
    query, key, shares = (_widened(each, max(width, count)) for each in (query, key, shares))
    return F.scaled_dot_product_attention(query, key, shares, scale=width**-0.5)[..., :count]


def _widened(heads: Tensor, width: int) -> Tensor:
    missing = width - heads.shape[-1]
    return F.pad(heads, (0, missing)) if missing else heads


def _of_pixels(attn: Attention, pixels: Tensor) -> _Heads:
    query, key, value = (split_heads(each(pixels), attn.heads) for each in (attn.to_q, attn.to_k, attn.to_v))
    return _Heads(_normed(attn.norm_q, query), _normed(attn.norm_k, key), value)


def _of_text(attn: Attention, text: Tensor) -> _Heads:
    projections = (attn.add_q_proj, attn.add_k_proj, attn.add_v_proj)
    query, key, value = (split_heads(each(text), attn.heads) for each in projections)
    return _Heads(_normed(attn.norm_added_q, query), _normed(attn.norm_added_k, key), value)


def _normed(norm: torch.nn.Module | None, heads: Tensor) -> Tensor:
    return heads if norm is None else norm(heads)
