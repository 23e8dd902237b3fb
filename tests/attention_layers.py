"""A model of nothing but cross-attention layers, what is put into it, and columns to be read."""

import torch
from diffusers.models.attention_processor import Attention
from torch import nn

from lightning_compose.capture import reading_attention

TEXT_TOKENS = 77


def draw(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def draw_columns(count, batch=2):
    return (draw(batch, TEXT_TOKENS, count, seed=9) > 1).float()


def non_reentrant(block, *args):
    return torch.utils.checkpoint.checkpoint(block.__call__, *args, use_reentrant=False)


class Layers(nn.Module):
    """Cross-attention layers one after the other, each under diffusers' gradient checkpointing if asked."""

    def __init__(self, count=2, heads=2, width=8, checkpointing=False):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.layers = nn.ModuleList(
                Attention(heads * width, cross_attention_dim=16, heads=heads, dim_head=width) for _ in range(count)
            )
        self.gradient_checkpointing = checkpointing
        self._gradient_checkpointing_func = non_reentrant

    def forward(self, pixels, text):
        for layer in self.layers:
            if self.gradient_checkpointing:
                pixels = pixels + self._gradient_checkpointing_func(layer, pixels, text)
            else:
                pixels = pixels + layer(pixels, text)
        return pixels

    def named(self, *indices):
        return {f"layer_{index}": self.layers[index] for index in indices}

    def read(self, columns, *indices, pixels=None, text=None):
        """Return output and maps of one forward in which the layers of these indices are read."""
        layers = self.named(*indices)
        with reading_attention(self, layers, dict.fromkeys(layers, columns)) as maps:
            output = self(inputs()[0] if pixels is None else pixels, inputs()[1] if text is None else text)
        return output, maps


def inputs(width=16, batch=2):
    return draw(batch, 12, width, seed=1), draw(batch, TEXT_TOKENS, 16, seed=2)
