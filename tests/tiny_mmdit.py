"""A tiny SD3 transformer, and one forward of it in which something is asked of its inside."""

from contextlib import ExitStack
from types import SimpleNamespace

import torch
from attention_layers import draw
from diffusers import SD3Transformer2DModel

from lightning_compose.backbones.mmdit import attention_blocks, kept_outputs, stopping_after, token_grid
from lightning_compose.capture import reading_attention

TEXT_TOKENS, TEXT_WIDTH = 21, 24
KINDS = {
    "SD3": {},
    "SD3.5-large": {"qk_norm": "rms_norm"},
    "SD3.5-medium": {"qk_norm": "rms_norm", "dual_attention_layers": (0, 1)},
}


def tiny_transformer(checkpointing=False, **config):
    defaults = {
        "sample_size": 8,
        "in_channels": 4,
        "out_channels": 4,
        "num_layers": 4,
        "attention_head_dim": 8,
        "num_attention_heads": 2,
        "joint_attention_dim": TEXT_WIDTH,
        "caption_projection_dim": 16,
        "pooled_projection_dim": 20,
        "pos_embed_max_size": 16,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        transformer = SD3Transformer2DModel(**{**defaults, **config})
    if checkpointing:
        transformer.enable_gradient_checkpointing()
    return transformer


def inputs(batch=2, dtype=torch.float32):
    """Latents that are not square, and each sample with its own text and time."""
    return {
        "hidden_states": draw(batch, 4, 8, 12, seed=1, dtype=dtype),
        "encoder_hidden_states": draw(batch, TEXT_TOKENS, TEXT_WIDTH, seed=2, dtype=dtype),
        "pooled_projections": draw(batch, 20, seed=3, dtype=dtype),
        "timestep": torch.linspace(50.5, 950, batch),
    }


def first(samples, given):
    return {name: each[:samples] for name, each in given.items()}


def forward(transformer, given, columns=None, layers=(), features=(), last_block=None, samples=None):
    """Return output, maps and features; after `last_block`, if given, only the first samples go on."""
    with ExitStack() as asked:
        if last_block is not None:
            asked.enter_context(stopping_after(transformer, last_block, samples))
        read = {name: attention_blocks(transformer)[name] for name in layers}
        maps = asked.enter_context(reading_attention(transformer, read, dict.fromkeys(layers, columns)))
        grid = token_grid(transformer, given["hidden_states"])
        kept = asked.enter_context(kept_outputs(transformer, features, grid))
        output = transformer(**given).sample
    return SimpleNamespace(output=output, maps=maps, features=kept)
