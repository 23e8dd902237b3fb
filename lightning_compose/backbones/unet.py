"""The structure of diffusers' U-Nets: its blocks and cross-attention layers by name, and what goes through them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

from lightning_compose.backbones.narrowing import first_samples


def encoder_blocks(unet: UNet2DConditionModel) -> dict[str, nn.Module]:
    """Return the blocks ``down_0``, ``down_1``... and ``mid``."""
    return {**{f"down_{index}": block for index, block in enumerate(unet.down_blocks)}, "mid": unet.mid_block}


def encoder_channels(unet: UNet2DConditionModel) -> dict[str, int]:
    """Return the channels of each encoder block's output."""
    widths = [*unet.config.block_out_channels, unet.config.block_out_channels[-1]]
    return dict(zip(encoder_blocks(unet), widths, strict=True))


def cross_attention(unet: UNet2DConditionModel) -> dict[str, Attention]:
    """Return the cross-attention layers: ``up_1.0`` is the first of the second block of the decoder."""
    decoder = {f"up_{index}": block for index, block in enumerate(unet.up_blocks)}
    return {
        name: attn
        for block_name, block in {**encoder_blocks(unet), **decoder}.items()
        for name, attn in _cross_attention_of(block_name, block)
    }


def _cross_attention_of(block_name: str, block: nn.Module) -> Iterator[tuple[str, Attention]]:
    for index, transformer in enumerate(getattr(block, "attentions", ())):
        several = len(transformer.transformer_blocks) > 1
        for depth, layer in enumerate(transformer.transformer_blocks):
            yield f"{block_name}.{index}.{depth}" if several else f"{block_name}.{index}", layer.attn2


def downsampling(unet: UNet2DConditionModel, layer: str) -> int:
    """Return by what factor the latent's side is larger than that of a layer's map."""
    deepest = len(unet.config.block_out_channels) - 1
    part, _, index = layer.partition(".")[0].partition("_")
    match part:
        case "down":
            return 2 ** int(index)
        case "up":
            return 2 ** (deepest - int(index))
        case _:
            return 2**deepest


@contextmanager
def kept_outputs(blocks: dict[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Fill the yielded mapping with the output of each block in the forward inside."""
    outputs: dict[str, Tensor] = {}
    with ExitStack() as hooks:
        for name, block in blocks.items():
            hooks.enter_context(block.register_forward_hook(_keeper(outputs, name)))
        yield outputs


def _keeper(outputs: dict[str, Tensor], name: str) -> Any:
    def keep(block: nn.Module, inputs: tuple[Any, ...], output: Tensor | tuple[Tensor, ...]) -> None:
        outputs[name] = output[0] if isinstance(output, tuple) else output

    return keep


@contextmanager
def decoding_first(unet: UNet2DConditionModel, samples: int) -> Iterator[None]:
    """Let only the first samples of the forward inside go on from the mid block through the decoder."""

    def narrow(block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict]:
        return args, first_samples(kwargs, samples)

    with ExitStack() as hooks:
        for block in unet.up_blocks:
            hooks.enter_context(block.register_forward_pre_hook(narrow, with_kwargs=True))
        yield
