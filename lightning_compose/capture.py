"""Read attention probabilities out of the fused attention itself, without ever building the whole map.

Shape legend::

    b batch    a heads    q pixels    l text tokens    r columns
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch import Tensor, nn

COLUMN_MULTIPLE = 8  # Flash kernels want heads of such a width.


class Slot:
    """Where a processor leaves its maps, ``[b, a, q, r]``."""

    maps: Tensor

    def __getstate__(self) -> dict[str, Any]:
        # What has a graph can be neither copied nor pickled: a copy is empty.
        return {}


class ReadoutProcessor:
    """Compute attention as `AttnProcessor2_0` does, and leave its probability mass on each column in a slot.

    Args:
        columns: Each text token's share in each column, ``[b, l, r]``.
        stock: The processor to be put back.
    """

    # Nothing here may tell one layer from another: torch.compile would compile the same block again for each.

    def __init__(self, columns: Tensor, stock: AttnProcessor2_0) -> None:
        self.columns = columns
        self.stock = stock
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
        attended, self.slot.maps = attention_with_columns(
            _split_heads(attn.to_q(hidden_states), attn.heads),
            _split_heads(attn.to_k(encoder_hidden_states), attn.heads),
            _split_heads(attn.to_v(encoder_hidden_states), attn.heads),
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


@contextmanager
def reading_attention(
    model: nn.Module, layers: Mapping[str, Attention], columns: Mapping[str, Tensor]
) -> Iterator[dict[str, Tensor]]:
    """Yield a mapping that, after the one forward inside, holds each layer's maps ``[b, a, q, r]``.

    The next forward of the model finds it as it was. With gradient checkpointing, run the backward before: it computes
    the layers again.

    Args:
        model: Whose forward it is.
        layers: Cross-attention layers of the model, by name.
        columns: By layer, each text token's share in each column, ``[b, l, r]``.

    Raises:
        ValueError: When something else than diffusers' own processor computes a layer's attention.
    """
    stock = {name: _stock_processor(name, attn) for name, attn in layers.items()}
    processors = {name: _install(attn, columns[name], stock[name]) for name, attn in layers.items()}
    slots = {name: processor.slot for name, processor in processors.items()}
    maps: dict[str, Tensor] = {}
    try:
        yield maps
    finally:
        _share_slot(processors.values())
        if layers:
            _RestoreAtNextForward(model, [(attn, processors[name]) for name, attn in layers.items()])
    maps |= {name: slot.maps[..., : columns[name].shape[-1]] for name, slot in slots.items()}


class _RestoreAtNextForward:
    # Not at once: gradient checkpointing runs layers again in the backward, and must find them as they were.

    def __init__(self, model: nn.Module, layers: list[tuple[Attention, ReadoutProcessor]]) -> None:
        self._layers = layers
        self._handle = model.register_forward_pre_hook(self)

    def __call__(self, model: nn.Module, inputs: tuple[Any, ...]) -> None:
        self._handle.remove()
        for attn, processor in self._layers:
            if attn.processor is processor:
                attn.set_processor(processor.stock)


def _stock_processor(name: str, attn: Attention) -> AttnProcessor2_0:
    stock = attn.processor.stock if isinstance(attn.processor, ReadoutProcessor) else attn.processor
    if type(stock) is not AttnProcessor2_0:
        raise ValueError(
            f"Expected the attention of {name!r} to be computed by diffusers' AttnProcessor2_0, got "
            f"{type(stock).__name__}. Unload what replaced it: an IP-adapter, xformers, fused projections."
        )
    return stock


def _install(attn: Attention, columns: Tensor, stock: AttnProcessor2_0) -> ReadoutProcessor:
    padded = F.pad(columns, (0, -columns.shape[-1] % COLUMN_MULTIPLE))
    attn.set_processor(ReadoutProcessor(padded, stock))
    return attn.processor


def _share_slot(processors: Iterable[ReadoutProcessor]) -> None:
    # Where gradient checkpointing computes the maps again, each overwrites the one before: kept, they would keep the
    # recomputed activations of every layer alive.
    discarded = Slot()
    for processor in processors:
        processor.slot = discarded


def _split_heads(projected: Tensor, heads: int) -> Tensor:
    return projected.unflatten(-1, (heads, -1)).transpose(1, 2)
