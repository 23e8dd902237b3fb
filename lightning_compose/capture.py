"""Read attention probabilities out of the fused attention itself, without ever building the whole map.

Shape legend::

    b batch    a heads    q pixels    l text tokens    d head width    r columns
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch import Tensor, nn

COLUMN_MULTIPLE = 8  # of what flash kernels take as a head's width


@dataclass
class Slot:
    """Where a processor leaves its maps, ``[b, a, q, r]``; copied empty."""

    maps: Tensor | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Tensors that have a graph can be neither copied nor pickled.
        return {"maps": None}


class ReadoutProcessor:
    """Attention that also returns chosen sums of its probabilities, by columns appended to the values.

    softmax(Q K^T / sqrt(d)) [V | S] is [output | the probability mass on each column of S], exact and differentiable.
    Without columns it calls the processor that it replaced.
    """

    # Nothing here may be a constant of one layer: torch.compile would compile every layer anew, up to its limit.

    def __init__(self, stock: AttnProcessor2_0) -> None:
        self.stock = stock
        self.columns: Tensor | None = None
        self.slot = Slot()

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        if self.columns is None:
            return self.stock(attn, hidden_states, encoder_hidden_states, attention_mask, temb)
        columns = self.columns[: hidden_states.shape[0]]
        output, self.slot.maps = attend(attn, hidden_states, encoder_hidden_states, attention_mask, columns)
        return output


def attend(
    attn: Attention, hidden_states: Tensor, text: Tensor | None, mask: Tensor | None, columns: Tensor
) -> tuple[Tensor, Tensor]:
    """Return what `AttnProcessor2_0` does, and the probability mass on each column, ``[b, a, q, r]``."""
    text = hidden_states if text is None else text
    query = _heads(attn.to_q(hidden_states), attn.heads)
    key = _heads(attn.to_k(text), attn.heads)
    value = _heads(attn.to_v(text), attn.heads)
    width = value.shape[-1]
    columns = columns.to(value.dtype)[:, None].expand(-1, attn.heads, -1, -1)
    # Unequal widths would send queries, keys and values to the kernel that builds the whole map; zeros change nothing.
    padding = (0, columns.shape[-1])
    if mask is not None:
        mask = attn.prepare_attention_mask(mask, text.shape[1], text.shape[0]).unflatten(0, (-1, attn.heads))
    both = F.scaled_dot_product_attention(
        F.pad(query, padding),
        F.pad(key, padding),
        torch.cat([value, columns], dim=-1),
        attn_mask=mask,
        scale=width**-0.5,
    )
    output = both[..., :width].transpose(1, 2).flatten(2)
    return attn.to_out[1](attn.to_out[0](output)), both[..., width:]


class AttentionCapture:
    """Reads columns of chosen attention layers during chosen forwards of one model.

    Args:
        model: Whose forwards are recorded or not.
    """

    def __init__(self, model: nn.Module) -> None:
        self._processors: list[ReadoutProcessor] = []
        self._recording = False
        model.register_forward_pre_hook(self._forget)

    @contextmanager
    def recording(self, layers: Mapping[str, Attention], columns: Tensor | None) -> Iterator[dict[str, Tensor]]:
        """Fill the yielded mapping with each layer's maps ``[b, a, q, r]`` of the one forward inside.

        Args:
            layers: Which to read, by name.
            columns: ``[b, l, r]``; a layer that sees fewer samples reads the first of them. None = nothing is read.

        Raises:
            ValueError: When a layer's processor is not diffusers' own.
        """
        maps: dict[str, Tensor] = {}
        self._forget_columns()
        if not layers or columns is None:
            yield maps
            return
        processors = {name: self._installed(name, attn) for name, attn in layers.items()}
        padded = F.pad(columns, (0, -columns.shape[-1] % COLUMN_MULTIPLE))
        for processor in processors.values():
            processor.columns, processor.slot = padded, Slot()
        self._recording = True
        try:
            yield maps
        finally:
            self._recording = False
            slots = {name: processor.slot for name, processor in processors.items()}
            # Gradient checkpointing runs the layers again in the backward, and must find the same columns; the maps
            # of that second run would keep every layer's graph alive, so they overwrite each other.
            discarded = Slot()
            for processor in processors.values():
                processor.slot = discarded
        maps |= {name: slot.maps[..., : columns.shape[-1]] for name, slot in slots.items() if slot.maps is not None}

    def _installed(self, name: str, attn: Attention) -> ReadoutProcessor:
        if not isinstance(attn.processor, ReadoutProcessor):
            _require_stock(name, attn)
            attn.set_processor(ReadoutProcessor(attn.processor))
        if attn.processor not in self._processors:
            self._processors.append(attn.processor)
        return attn.processor

    def _forget(self, model: nn.Module, inputs: tuple[Any, ...]) -> None:
        # A forward that did not ask, of a pipeline or in validation, has other samples.
        if not self._recording:
            self._forget_columns()

    def _forget_columns(self) -> None:
        for processor in self._processors:
            processor.columns = None


def _heads(projected: Tensor, heads: int) -> Tensor:
    return projected.unflatten(-1, (heads, -1)).transpose(1, 2)


def _require_stock(name: str, attn: Attention) -> None:
    if type(attn.processor) is not AttnProcessor2_0:
        raise ValueError(
            f"Expected the attention of {name!r} to be computed by diffusers' AttnProcessor2_0, got "
            f"{type(attn.processor).__name__}. Unload what replaced it (an IP-adapter, xformers, fused projections)."
        )
