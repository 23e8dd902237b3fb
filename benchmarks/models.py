"""Models to measure: random weights, of published or of small shapes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from lightning_compose.backbones import StableDiffusion
from lightning_compose.step import Text, Tokens

ASSETS = Path(__file__).parents[1] / "lightning_compose/assets/shapes"
# What differs from the embedded world's components. The text encoder gives its width alone: it is never run.
COMPONENTS: dict[str, dict[str, dict[str, Any]]] = {
    "shapes": {},
    "tiny": {
        "unet": {
            "block_out_channels": [16, 32],
            "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
            "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
            "attention_head_dim": [1, 2],
        },
    },
    "sd21": {
        "unet": {
            "sample_size": 64,
            "block_out_channels": [320, 640, 1280, 1280],
            "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
            "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
            "layers_per_block": 2,
            "cross_attention_dim": 1024,
            "attention_head_dim": [5, 10, 20, 20],
            "norm_num_groups": 32,
        },
        "vae": {
            "block_out_channels": [128, 256, 512, 512],
            "down_block_types": ["DownEncoderBlock2D"] * 4,
            "up_block_types": ["UpDecoderBlock2D"] * 4,
            "layers_per_block": 2,
            "mid_block_add_attention": True,
            "norm_num_groups": 32,
        },
        "text_encoder": {"hidden_size": 1024, "num_hidden_layers": 1, "num_attention_heads": 16},
    },
}


class CachedText(StableDiffusion):
    """Stable Diffusion with the text given: a row of a random table for each token, as if read from a cache."""

    text_rows: Tensor

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        width = self.text_encoder.config.hidden_size
        rows = torch.randn(len(self.tokenizer), width, generator=torch.Generator("cpu").manual_seed(0), device="cpu")
        self.register_buffer("text_rows", rows)
        # A run with cached text need not hold the encoder in memory.
        del self.text_encoder

    @property
    def pooled_width(self) -> int:
        return self.text_rows.shape[1]

    def encode_text(self, tokens: Tokens) -> Text:
        sequence = self.text_rows[tokens.ids]
        return Text(sequence, sequence.mean(dim=1))


class CachedInputs(CachedText):
    """Stable Diffusion with the latents given too: every eighth pixel, as if read from a cache."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        del self.vae.encoder, self.vae.decoder

    def encode_images(self, images: Tensor, noise: Tensor) -> Tensor:
        height, width = noise.shape[-2:]
        every = (slice(None, None, images.shape[-2] // height), slice(None, None, images.shape[-1] // width))
        pixels = images[:, :, *every]
        return torch.cat([pixels, pixels.mean(dim=1, keepdim=True)], dim=1) + 0.1 * noise


def build(name: str, backbone_class: type[StableDiffusion] = CachedInputs, **settings: Any) -> StableDiffusion:
    """Build a model with random weights.

    Args:
        name: A key of `COMPONENTS`.
        backbone_class: Which of its encoders are run.
        settings: Further arguments of `StableDiffusion`.
    """
    with TemporaryDirectory() as folder:
        write_configs(name, Path(folder))
        return backbone_class(config=folder, **settings)


def write_configs(name: str, folder: Path) -> None:
    """Write a diffusers folder without weights: the embedded world's, with what differs in model `name`."""
    shutil.copytree(ASSETS, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.safetensors"))
    for component, changes in COMPONENTS[name].items():
        file = folder / component / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))
