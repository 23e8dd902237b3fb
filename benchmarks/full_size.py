"""Stable Diffusion 2.1 and 3 medium in their published sizes, as folders of configs without weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from benchmarks.models import COMPONENTS
from lightning_compose.backbones import StableDiffusion, StableDiffusion3
from lightning_compose.backbones.latent_diffusion import LatentDiffusion

ASSETS = Path(__file__).parents[1] / "lightning_compose/assets"
VAE = {**COMPONENTS["sd21"]["vae"], "sample_size": 512}
# What differs from the embedded world's components of the same family.
FULL_SIZE: dict[str, dict[str, dict[str, Any]]] = {
    "sd21": {
        "unet": COMPONENTS["sd21"]["unet"],
        "vae": VAE,
        "text_encoder": {
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_hidden_layers": 23,
            "num_attention_heads": 16,
            "vocab_size": 49_408,
        },
    },
    "sd3-medium": {
        "transformer": {
            "sample_size": 128,
            "in_channels": 16,
            "out_channels": 16,
            "num_layers": 24,
            "attention_head_dim": 64,
            "num_attention_heads": 24,
            "joint_attention_dim": 4096,
            "caption_projection_dim": 1536,
            "pooled_projection_dim": 2048,
            "pos_embed_max_size": 192,
        },
        "vae": {
            **VAE,
            "sample_size": 1024,
            "latent_channels": 16,
            "scaling_factor": 1.5305,
            "shift_factor": 0.0609,
            "use_quant_conv": False,
            "use_post_quant_conv": False,
        },
        "text_encoder": {
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "projection_dim": 768,
            "vocab_size": 49_408,
        },
        "text_encoder_2": {
            "hidden_size": 1280,
            "intermediate_size": 5120,
            "num_hidden_layers": 32,
            "num_attention_heads": 20,
            "projection_dim": 1280,
            "vocab_size": 49_408,
        },
        "text_encoder_3": {
            "d_model": 4096,
            "d_kv": 64,
            "d_ff": 10_240,
            "num_layers": 24,
            "num_decoder_layers": 24,
            "num_heads": 64,
            "vocab_size": 32_128,
        },
    },
    "shapes": {},
    "shapes-sd3": {},
}
FAMILIES: dict[str, tuple[str, type[LatentDiffusion]]] = {
    "sd21": ("shapes", StableDiffusion),
    "sd3-medium": ("shapes-sd3", StableDiffusion3),
    "shapes": ("shapes", StableDiffusion),
    "shapes-sd3": ("shapes-sd3", StableDiffusion3),
}


def build(name: str, folder: Path, **settings: Any) -> LatentDiffusion:
    """Build a model with random weights; on fake tensors, of any size at once.

    Args:
        name: A key of `FULL_SIZE`.
        folder: Empty; gets the configs.
        settings: Further arguments of the backbone.
    """
    _, backbone_class = FAMILIES[name]
    return backbone_class(config=str(write_configs(name, folder)), **settings)


def write_configs(name: str, folder: Path) -> Path:
    """Write a model's configs and the embedded world's tokenizers as a diffusers folder, and return it.

    Args:
        name: A key of `FULL_SIZE`.
        folder: Empty.
    """
    assets, _ = FAMILIES[name]
    shutil.copytree(ASSETS / assets, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.safetensors"))
    for component, changes in FULL_SIZE[name].items():
        file = folder / component / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    return folder
