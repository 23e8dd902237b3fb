"""The structure of diffusers' SD3 transformers: its blocks and joint attention by name, and what goes through them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from diffusers import SD3Transformer2DModel
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

from lightning_compose.backbones.narrowing import first_samples


def attention_blocks(transformer: SD3Transformer2DModel) -> dict[str, Attention]:
    """Return the joint attention of pixels and text of ``block_0``, ``block_1``..."""
    # Not `attn2`, of pixels alone.
    return {name: block.attn for name, block in _blocks(transformer).items()}


def feature_widths(transformer: SD3Transformer2DModel) -> dict[str, int]:
    """Return the channels of each block's image tokens."""
    width = transformer.config.num_attention_heads * transformer.config.attention_head_dim
    return dict.fromkeys(_blocks(transformer), width)


def token_grid(transformer: SD3Transformer2DModel, latents: Tensor) -> tuple[int, int]:
    """Return height and width of latents ``[b, c, h, w]`` in image tokens."""
    height, width = (side // transformer.config.patch_size for side in latents.shape[-2:])
    return height, width


def compile_blocks(transformer: SD3Transformer2DModel, **options: Any) -> None:
    """Compile the blocks with torch.compile; diffusers' own method does not know those of this model."""
    for block in transformer.transformer_blocks:
        block.compile(**options)


@contextmanager
def kept_outputs(
    transformer: SD3Transformer2DModel, names: Sequence[str], grid: tuple[int, int]
) -> Iterator[dict[str, Tensor]]:
    """Fill the yielded mapping with what the named blocks make of the image, ``[b, c, h, w]``, in the forward inside.

    Args:
        transformer: Whose forward it is.
        names: Of blocks.
        grid: Height and width of the image in tokens, as `token_grid` tells.
    """
    outputs: dict[str, Tensor] = {}

    def keep(name: str, pixels: Tensor) -> None:
        outputs[name] = pixels.transpose(1, 2).unflatten(2, grid)

    blocks = _blocks(transformer)
    keepers = {name: _Kept(blocks[name], partial(keep, name)) for name in names}
    try:
        with _in_place(transformer, keepers):
            yield outputs
    finally:
        for keeper in keepers.values():
            # Gradient checkpointing will run it again: what is kept then would keep the graph alive.
            keeper.keep = None


@contextmanager
def stopping_after(transformer: SD3Transformer2DModel, last_block: str, samples: int) -> Iterator[None]:
    """Let only the first samples of the forward inside go on from the named block to the blocks after it."""
    blocks = _blocks(transformer)
    later = list(blocks)[list(blocks).index(last_block) + 1 :]

    def narrow(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return first_samples(args, samples)

    with (
        _in_place(transformer, {name: _Narrowed(blocks[name], samples) for name in later}),
        transformer.norm_out.register_forward_pre_hook(narrow),
    ):
        yield


class _Around(nn.Module):
    """A block with something done around it; it looks like the block."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("block"), name)


class _Kept(_Around):
    """A block that tells what it makes of the image."""

    def __init__(self, block: nn.Module, keep: Callable[[Tensor], None]) -> None:
        super().__init__(block)
        self.keep: Callable[[Tensor], None] | None = keep

    def forward(self, *args: Any, **kwargs: Any) -> tuple[Tensor | None, Tensor]:
        text, pixels = self.block(*args, **kwargs)
        if self.keep is not None:
            self.keep(pixels)
        return text, pixels


class _Narrowed(_Around):
    """A block of the first samples only."""

    def __init__(self, block: nn.Module, samples: int) -> None:
        super().__init__(block)
        self.samples = samples

    def forward(self, *args: Any, **kwargs: Any) -> tuple[Tensor | None, Tensor]:
        return self.block(*first_samples(args, self.samples), **first_samples(kwargs, self.samples))


@contextmanager
def _in_place(transformer: SD3Transformer2DModel, instead: Mapping[str, nn.Module]) -> Iterator[None]:
    """Put modules in the place of the named blocks."""
    # Hooks would be gone when gradient checkpointing runs a block again, and would be compiled into it.
    before = transformer.transformer_blocks
    transformer.transformer_blocks = nn.ModuleList({**_blocks(transformer), **instead}.values())
    try:
        yield
    finally:
        transformer.transformer_blocks = before


def _blocks(transformer: SD3Transformer2DModel) -> dict[str, nn.Module]:
    return {f"block_{index}": block for index, block in enumerate(transformer.transformer_blocks)}
