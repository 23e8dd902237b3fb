"""Read attention probabilities out of the fused attention itself, without ever building the whole map.

Shape legend::

    b batch    a heads    q pixels    l text tokens    r columns
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch import Tensor, nn

COLUMN_MULTIPLE = 8  # Flash kernels want heads of such a width.
CHECKPOINT_FUNCTION = "_gradient_checkpointing_func"  # where diffusers and transformers keep it
# What AttnProcessor2_0 does beyond `ReadoutProcessor`, and the value at which it does not.
UNREAD_OPTIONS = {
    "spatial_norm": None,
    "group_norm": None,
    "norm_cross": None,
    "norm_q": None,
    "norm_k": None,
    "residual_connection": False,
    "rescale_output_factor": 1.0,
}


class Slot:
    """Where a processor leaves its maps, ``[b, a, q, r]``."""

    maps: Tensor


class ReadoutProcessor:
    """Compute attention as `AttnProcessor2_0` does, and leave its probability mass on each column in a slot.

    Of `AttnProcessor2_0` without `UNREAD_OPTIONS`, on ``[b, q, width]``, of cross-attention.

    Args:
        columns: Each text token's share in each column, ``[b, l, r]``.
    """

    # Nothing here may tell one layer from another: torch.compile would compile the same block again for each.

    def __init__(self, columns: Tensor) -> None:
        self.columns = columns
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

    Then the model is as it was. Under diffusers' gradient checkpointing too, any forwards may follow before the
    backward, which may be one of several forwards.

    Args:
        model: Whose forward it is.
        layers: Cross-attention layers of the model, by name.
        columns: By layer, each text token's share in each column, ``[b, l, r]``.

    Raises:
        ValueError: When a layer's attention is computed by something else than diffusers' own processor, or with a
            normalisation, residual or rescaling of its own.
    """
    readers = {name: _reader(name, attn, columns[name]) for name, attn in layers.items()}
    slots = {name: reader.slot for name, reader in readers.items()}
    installed = [(attn, readers[name]) for name, attn in layers.items()]
    maps: dict[str, Tensor] = {}
    with _installed(installed), _checkpointed_as_read(model, installed):
        yield maps
    maps |= {name: slot.maps[..., : columns[name].shape[-1]] for name, slot in slots.items()}


Readers = Sequence[tuple[Attention, ReadoutProcessor]]


class _BlockAsRead:
    """A block that is read in every run as in this forward: gradient checkpointing runs it again in the backward."""

    # By then the model may have begun other forwards: what a run needs has to travel with the graph.

    def __init__(self, block: Callable[..., Any], readers: Readers) -> None:
        self._block = block
        self._readers = readers

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with _installed(self._readers):
            return self._block(*args, **kwargs)


@contextmanager
def _installed(readers: Readers) -> Iterator[None]:
    before = [(attn, attn.processor) for attn, _ in readers]
    for attn, reader in readers:
        attn.set_processor(reader)
    try:
        yield
    finally:
        for attn, processor in before:
            attn.set_processor(processor)
        for _, reader in readers:
            # The graph holds the reader: maps computed again, kept in it, would keep the graph alive.
            reader.slot = Slot()


@contextmanager
def _checkpointed_as_read(model: nn.Module, readers: Readers) -> Iterator[None]:
    with ExitStack() as restoring:
        for module in model.modules() if readers else ():
            if vars(module).get("gradient_checkpointing"):  # a missed getattr of a module is slow
                checkpoint = getattr(module, CHECKPOINT_FUNCTION)
                restoring.callback(setattr, module, CHECKPOINT_FUNCTION, checkpoint)
                setattr(module, CHECKPOINT_FUNCTION, _checkpoint_as_read(checkpoint, readers))
        yield


def _checkpoint_as_read(checkpoint: Callable[..., Any], readers: Readers) -> Callable[..., Any]:
    def run(block: nn.Module, *args: Any, **kwargs: Any) -> Any:
        inside = set(block.modules())
        own = [(attn, reader) for attn, reader in readers if attn in inside]
        return checkpoint(_BlockAsRead(block, own) if own else block, *args, **kwargs)

    return run


def _reader(name: str, attn: Attention, columns: Tensor) -> ReadoutProcessor:
    if type(attn.processor) is not AttnProcessor2_0:
        raise ValueError(
            f"Expected the attention of {name!r} to be computed by diffusers' AttnProcessor2_0, got "
            f"{type(attn.processor).__name__}. Unload what replaced it: an IP-adapter, xformers, fused projections."
        )
    used = {option: getattr(attn, option) for option, off in UNREAD_OPTIONS.items() if getattr(attn, option) != off}
    if used:
        raise ValueError(
            f"Expected the attention of {name!r} to have none of {list(UNREAD_OPTIONS)}, which reading it would leave "
            f"out, got {used}. Leave this layer out of `layers`."
        )
    return ReadoutProcessor(F.pad(columns, (0, -columns.shape[-1] % COLUMN_MULTIPLE)))


def _split_heads(projected: Tensor, heads: int) -> Tensor:
    return projected.unflatten(-1, (heads, -1)).transpose(1, 2)
