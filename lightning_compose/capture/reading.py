"""Have chosen attention layers read during one forward, also where gradient checkpointing runs a block again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch.nn.functional as F  # noqa: N812
from diffusers.models.attention_processor import Attention, AttnProcessor, AttnProcessor2_0, JointAttnProcessor2_0
from torch import Tensor, nn

from lightning_compose.capture.cross import CrossAttentionReader, require_readable
from lightning_compose.capture.joint import JointAttentionReader
from lightning_compose.capture.reader import Reader, Slot

COLUMN_MULTIPLE = 8  # Flash kernels want heads of such a width.
CHECKPOINT_FUNCTION = "_gradient_checkpointing_func"  # where diffusers and transformers keep it


@contextmanager
def reading_attention(
    model: nn.Module, layers: Mapping[str, Attention], columns: Mapping[str, Tensor]
) -> Iterator[dict[str, Tensor]]:
    """Yield a mapping that, after the one forward inside, holds each layer's maps ``[b, a, q, r]``.

    Then the model is as it was. Under diffusers' gradient checkpointing too, any forwards may follow before the
    backward, which may be one of several forwards.

    Args:
        model: Whose forward it is.
        layers: Layers of the model by name, of cross-attention or of joint attention; then the maps are those of the
            pixels, renormalised over the text.
        columns: By layer, each text token's share in each column, ``[b, l, r]``; of joint attention perhaps those of
            the first samples only: then the others are not read.

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


Readers = Sequence[tuple[Attention, Reader]]


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


def _reader(name: str, attn: Attention, columns: Tensor) -> Reader:
    padded = F.pad(columns, (0, -columns.shape[-1] % COLUMN_MULTIPLE))
    computed_by = type(attn.processor)
    if computed_by is JointAttnProcessor2_0:
        return JointAttentionReader(padded)
    if computed_by in (AttnProcessor2_0, AttnProcessor):
        require_readable(name, attn)
        return CrossAttentionReader(padded, fused=computed_by is AttnProcessor2_0)
    raise ValueError(
        f"Expected the attention of {name!r} to be computed by diffusers' AttnProcessor2_0, AttnProcessor or "
        f"JointAttnProcessor2_0, got {computed_by.__name__}. Unload what replaced it: an IP-adapter, xformers, fused "
        "projections."
    )
