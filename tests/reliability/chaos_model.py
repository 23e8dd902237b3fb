"""A pipeline whose training step costs next to nothing, for runs of many steps."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from tests.tiny_models import TEXT_WIDTH, save_tiny_pipeline


def save_chaos_pipeline(folder: Path) -> Path:
    """Save a Stable Diffusion pipeline with a block of each kind that the losses look into; return its folder."""
    save_tiny_pipeline(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        chaos_unet().save_pretrained(folder / "unet")
        chaos_vae().save_pretrained(folder / "vae")
    return folder


def chaos_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8,),
        layers_per_block=1,
        down_block_types=("DownBlock2D",),
        mid_block_type="UNetMidBlock2D",
        up_block_types=("CrossAttnUpBlock2D",),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=1,
        norm_num_groups=4,
        use_linear_projection=True,
    )


def chaos_vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(4, 4),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=2,
        sample_size=16,
        mid_block_add_attention=False,
    )
