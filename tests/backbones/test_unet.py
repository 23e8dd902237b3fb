"""Names, resolutions and widths of U-Nets of any depth, read from their structure."""

import pytest
import torch
from diffusers import UNet2DConditionModel
from sd21_configs import COMPONENTS

from lightning_compose.backbones.unet import (
    cross_attention,
    decoding_first,
    downsampling,
    encoder_blocks,
    encoder_channels,
    kept_outputs,
)


def unet_of(**config):
    defaults = {"sample_size": 8, "layers_per_block": 1, "cross_attention_dim": 16, "norm_num_groups": 4}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return UNet2DConditionModel(**{**defaults, "attention_head_dim": 2, **config})


@pytest.fixture(scope="module")
def three_levels():
    """Attention in the lowest two levels only, two transformer layers in the lowest."""
    return unet_of(
        block_out_channels=(4, 8, 12),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 1, 2),
    )


def test_layers_of_stable_diffusion_2():
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(COMPONENTS["unet"])
    factors = {name: downsampling(unet, name) for name in cross_attention(unet)}
    encoder = {"down_0": 1, "down_1": 2, "down_2": 4}
    decoder = {"up_1": 4, "up_2": 2, "up_3": 1}
    assert list(factors.items()) == [
        *((f"{block}.{index}", factor) for block, factor in encoder.items() for index in range(2)),
        ("mid.0", 8),
        *((f"{block}.{index}", factor) for block, factor in decoder.items() for index in range(3)),
    ]
    assert encoder_channels(unet) == {"down_0": 320, "down_1": 640, "down_2": 1280, "down_3": 1280, "mid": 1280}


def test_blocks_without_attention_and_with_several_transformer_layers(three_levels):
    layers = cross_attention(three_levels)
    assert list(layers) == [
        *("down_1.0", "down_2.0.0", "down_2.0.1", "mid.0.0", "mid.0.1"),
        *("up_0.0.0", "up_0.0.1", "up_0.1.0", "up_0.1.1", "up_1.0", "up_1.1"),
    ]
    assert layers["up_0.1.0"] is three_levels.up_blocks[0].attentions[1].transformer_blocks[0].attn2
    assert [downsampling(three_levels, name) for name in ("down_1.0", "mid.0.1", "up_0.1.1", "up_1.0")] == [2, 4, 4, 2]


def test_features_are_what_each_block_hands_on(three_levels):
    latents, text = torch.randn(2, 4, 8, 12), torch.randn(2, 7, 16)
    with kept_outputs(encoder_blocks(three_levels)) as outputs:
        three_levels(latents, 5, text)
    assert list(outputs) == list(encoder_channels(three_levels))
    assert [each.shape[1] for each in outputs.values()] == list(encoder_channels(three_levels).values())
    assert [tuple(each.shape[2:]) for each in outputs.values()] == [(4, 6), (2, 3), (2, 3), (2, 3)]
    assert not any(module._forward_hooks for module in three_levels.modules())


def test_decoding_the_first_samples_is_the_forward_of_the_first(three_levels):
    latents, text, steps = torch.randn(4, 4, 8, 12), torch.randn(4, 7, 16), torch.tensor([5, 900, 5, 900])
    with decoding_first(three_levels, 2):
        first = three_levels(latents, steps, text).sample
    torch.testing.assert_close(first, three_levels(latents[:2], steps[:2], text[:2]).sample)
    assert not any(module._forward_pre_hooks for module in three_levels.modules())


def test_decoding_all_samples_is_the_plain_forward_to_the_bit(three_levels):
    latents, text = torch.randn(2, 4, 8, 12), torch.randn(2, 7, 16)
    with decoding_first(three_levels, 2):
        split = three_levels(latents, 5, text).sample
    assert torch.equal(split, three_levels(latents, 5, text).sample)


def test_sides_that_do_not_halve_are_decoded_too(three_levels):
    latents, text = torch.randn(4, 4, 9, 11), torch.randn(4, 7, 16)
    with decoding_first(three_levels, 2):
        first = three_levels(latents, 5, text).sample
    torch.testing.assert_close(first, three_levels(latents[:2], 5, text[:2]).sample)
