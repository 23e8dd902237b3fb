"""What Stable Diffusion 3's `denoise` returns beside the prediction."""

import pytest
import torch

from lightning_compose.backbones import StableDiffusion3
from lightning_compose.needs import Needs
from lightning_compose.step import Text


@pytest.fixture(scope="module")
def backbone(tiny_sd3_pipeline):
    return StableDiffusion3(str(tiny_sd3_pipeline))


def draw(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def inputs(backbone, batch=2, columns=5):
    """Positives, timesteps, text, negatives and a readout; latents are not square."""
    tokens = 77 + backbone.joint_text.t5_tokens
    text = Text(draw(batch, tokens, backbone.joint_text.width, seed=2), draw(batch, backbone.pooled_width, seed=3))
    readout = (draw(batch, tokens, columns, seed=4) > 1).float()
    latents, negatives = draw(batch, 8, 8, 12, seed=0), draw(batch, 8, 8, 12, seed=1)
    return latents, torch.arange(batch) * 100.0 + 5, text, negatives, readout


def plain(backbone, latents, timesteps, text):
    return backbone.transformer(latents, text.sequence, text.pooled, timesteps).sample


def test_nothing_asked_is_the_plain_forward_to_the_bit(backbone):
    latents, timesteps, text, negatives, readout = inputs(backbone)
    expected = plain(backbone, latents, timesteps, text)
    for needs in (Needs(), Needs(negatives=True)):
        seen = backbone.denoise(latents, timesteps, text, needs, negatives, readout)
        assert torch.equal(seen.positive, expected)
        assert seen.maps == seen.features_positive == seen.features_negative == {}


def test_everything_asked_leaves_the_prediction_and_does_not_mix_the_images(backbone):
    latents, timesteps, text, negatives, readout = inputs(backbone)
    negatives.requires_grad_()
    needs = backbone.resolve(Needs(("block",), ("block_0", "default"), True))
    seen = backbone.denoise(latents, timesteps, text, needs, negatives, readout)
    torch.testing.assert_close(seen.positive, plain(backbone, latents, timesteps, text))
    assert list(seen.maps) == ["block_0", "block_1", "block_2"]
    assert {each.shape for each in seen.maps.values()} == {(2, 2, 5, 4, 6)}
    assert list(seen.features_positive) == list(seen.features_negative) == ["block_0", "block_1"]
    for name, each in seen.features_positive.items():
        assert each.shape == seen.features_negative[name].shape == (2, backbone.feature_layers[name], 4, 6)
    (seen.positive.sum() + sum(each.square().sum() for each in seen.maps.values())).backward()
    assert not negatives.grad.any()
    other = backbone.denoise(negatives, timesteps, text, Needs(features=needs.features))
    for name, each in other.features_positive.items():
        torch.testing.assert_close(seen.features_negative[name], each)


def test_attention_to_all_of_the_text_is_one(backbone):
    latents, timesteps, text, *_ = inputs(backbone)
    needs, readout = backbone.resolve(Needs(("default",))), torch.ones(2, 333, 1)
    seen = backbone.denoise(latents, timesteps, text, needs, readout=readout)
    assert list(seen.maps) == ["block_1", "block_2"]
    for maps in seen.maps.values():
        torch.testing.assert_close(maps, torch.ones(2, 2, 1, 4, 6))


def test_attention_without_a_readout_is_refused(backbone):
    latents, timesteps, text, *_ = inputs(backbone)
    with pytest.raises(ValueError, match="Expected a `readout`"):
        backbone.denoise(latents, timesteps, text, Needs(attention=("block_0",)))
