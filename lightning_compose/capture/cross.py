"""Read a U-Net's cross-attention: what computes its output returns the columns beside it."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from diffusers.models.attention_processor import Attention
from torch import Tensor

from lightning_compose.capture.reader import Slot, split_heads

# What AttnProcessor2_0 does beyond `CrossAttentionReader`, and the value at which it does not.
UNREAD_OPTIONS = {
    "spatial_norm": None,
    "group_norm": None,
    "norm_cross": None,
    "norm_q": None,
    "norm_k": None,
    "residual_connection": False,
    "rescale_output_factor": 1.0,
}


class CrossAttentionReader:
    """Compute attention as diffusers' processor does, and leave its probability mass on each column in a slot.

    Of `AttnProcessor2_0` or `AttnProcessor` without `UNREAD_OPTIONS`, on ``[b, q, width]``, of cross-attention.

    Args:
        columns: Each text token's share in each column, ``[b, l, r]``.
        fused: Whether by the fused kernel, as `AttnProcessor2_0`; else by matrix products.
    """

    def __init__(self, columns: Tensor, fused: bool = True) -> None:
        self.columns = columns
        self.attention = attention_with_columns if fused else unfused_attention_with_columns
        self.slot = Slot()

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
    ) -> Tensor:
        if attention_mask is not None:
            attention_mask = attn.prepare_attention_mask(
                attention_mask, encoder_hidden_states.shape[1], len(hidden_states)
            ).unflatten(0, (-1, attn.heads))
        attended, self.slot.maps = self.attention(
            split_heads(attn.to_q(hidden_states), attn.heads),
            split_heads(attn.to_k(encoder_hidden_states), attn.heads),
            split_heads(attn.to_v(encoder_hidden_states), attn.heads),
            self.columns,
            attention_mask,
        )
        projection, dropout = attn.to_out
        return dropout(projection(attended.transpose(1, 2).flatten(2)))


def attention_with_columns(
    query: Tensor, key: Tensor, value: Tensor, columns: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return attention's output and, exact and differentiable, its probability mass on each column.

    softmax(Q K^T / sqrt(width)) [V | S] is [output | mass], in one call of the fused kernel.

    Args:
        query: ``[b, a, q, width]``.
        key: ``[b, a, l, width]``.
        value: ``[b, a, l, width]``.
        columns: S, each token's share in each column, ``[b, l, r]``.
        mask: Added to the logits, broadcastable to ``[b, a, q, l]``; None = none.

    Returns:
        ``[b, a, q, width]`` and ``[b, a, q, r]``.
    """
    width = value.shape[-1]
    shares = columns.to(value.dtype)[:, None].expand(-1, value.shape[1], -1, -1)
    # Zeros change no logit; unequal widths would go to the kernel that builds the whole map.
    padding = (0, columns.shape[-1])
    both = F.scaled_dot_product_attention(
        F.pad(query, padding),
        F.pad(key, padding),
        torch.cat([value, shares], dim=-1),
        attn_mask=mask,
        scale=width**-0.5,
    )
    return both[..., :width], both[..., width:]


def unfused_attention_with_columns(
    query: Tensor, key: Tensor, value: Tensor, columns: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the same by matrix products, whose map of all tokens is kept for the backward pass."""
    logits = query @ key.mT * query.shape[-1] ** -0.5
    probabilities = (logits if mask is None else logits + mask).softmax(dim=-1).to(value.dtype)
    return probabilities @ value, probabilities @ columns.to(value.dtype)[:, None]


def require_readable(name: str, attn: Attention) -> None:
    """Check that a layer does nothing that its reader would leave out.

    Raises:
        ValueError: When it has a normalisation, residual or rescaling of its own.
    """
    used = {option: getattr(attn, option) for option, off in UNREAD_OPTIONS.items() if getattr(attn, option) != off}
    if used:
        raise ValueError(
            f"Expected the attention of {name!r} to have none of {list(UNREAD_OPTIONS)}, which reading it would leave "
            f"out, got {used}. Leave this layer out of `layers`."
        )
