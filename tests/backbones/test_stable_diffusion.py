"""Stable Diffusion behind the backbone's contract."""

import pytest
import torch
from diffusers import StableDiffusionPipeline
from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0
from sd21_configs import write_sd21_configs
from tiny_models import save_tiny_pipeline

from lightning_compose.backbones import StableDiffusion
from lightning_compose.data.schema import Noun


@pytest.fixture(scope="module")
def backbone(tiny_pipeline):
    return StableDiffusion(pretrained=str(tiny_pipeline))


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_published_sd21_configuration_has_its_parameters(tmp_path):
    folder = write_sd21_configs(tmp_path)
    with torch.device("meta"):
        backbone = StableDiffusion(config=str(folder))
    assert count(backbone.unet) == 865_910_724
    assert count(backbone.vae) == 83_653_863
    assert count(backbone.text_encoder) == 340_387_840


def test_only_the_unet_is_trained_and_the_rest_stays_in_evaluation_mode(backbone):
    backbone.train()
    trained = {name.split(".")[0] for name, parameter in backbone.named_parameters() if parameter.requires_grad}
    assert trained == {"unet"}
    assert backbone.unet.training
    assert not backbone.vae.training
    assert not backbone.text_encoder.training


def test_half_precision_folder_is_loaded_in_float32(tiny_pipeline, tmp_path):
    StableDiffusionPipeline.from_pretrained(tiny_pipeline, dtype=torch.float16).save_pretrained(tmp_path)
    for backbone in (StableDiffusion(pretrained=str(tmp_path)), StableDiffusion(config=str(tmp_path))):
        assert {parameter.dtype for parameter in backbone.parameters()} == {torch.float32}


def test_config_keeps_weights_that_are_there_and_draws_the_rest_from_the_seed(tiny_pipeline, tmp_path):
    StableDiffusionPipeline.from_pretrained(tiny_pipeline).save_pretrained(tmp_path)
    (tmp_path / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    original = StableDiffusion(pretrained=str(tiny_pipeline))
    before = torch.random.get_rng_state()
    first, again, other = (StableDiffusion(config=str(tmp_path), seed=seed) for seed in (0, 0, 1))
    assert torch.equal(before, torch.random.get_rng_state())
    weight = "conv_in.weight"
    assert torch.equal(first.vae.state_dict()["decoder." + weight], original.vae.state_dict()["decoder." + weight])
    assert torch.equal(first.unet.state_dict()[weight], again.unet.state_dict()[weight])
    assert not torch.equal(first.unet.state_dict()[weight], other.unet.state_dict()[weight])


@pytest.mark.parametrize("arguments", [{}, {"pretrained": "a", "config": "b"}])
def test_exactly_one_source_of_weights(arguments):
    with pytest.raises(ValueError, match="exactly one of `pretrained`"):
        StableDiffusion(**arguments)


def test_missing_folder_says_what_is_expected(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"unet/config\.json"):
        StableDiffusion(config=str(tmp_path))


def test_latent_shape_follows_the_image_and_refuses_sizes_that_do_not_divide(backbone):
    assert backbone.latent_shape(16, 32) == (4, 8, 16)
    with pytest.raises(ValueError, match="multiples of 4 px"):
        backbone.latent_shape(18, 16)


def test_widths_are_those_of_what_the_model_makes(backbone):
    text = backbone.encode_text(backbone.tokenize(["a cat"], [()], max_nouns=1))
    assert text.pooled.shape == (1, backbone.pooled_width)
    assert backbone.latent_shape(16, 16)[0] == backbone.latent_channels == backbone.unet.config.in_channels


def test_latents_have_the_moments_of_the_vae(backbone):
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    noise = torch.randn(2, 4, 8, 8)
    moments = backbone.vae.encode(images).latent_dist
    expected = (moments.mean + moments.std * noise) * backbone.vae.config.scaling_factor
    assert torch.equal(backbone.encode_images(images, noise), expected)


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_target_recovers_the_clean_latents(tmp_path, prediction_type):
    backbone = StableDiffusion(pretrained=str(save_tiny_pipeline(tmp_path, prediction_type)))
    latents, noise = torch.randn(2, 4, 8, 8), torch.randn(2, 4, 8, 8)
    timesteps = backbone.timesteps(torch.tensor([0.2, 0.9999999], dtype=torch.float64))
    assert timesteps.tolist() == [200, 999]
    noisy, target = backbone.add_noise(latents, noise, timesteps), backbone.target(latents, noise, timesteps)
    alpha = backbone.noise_schedule.alphas_cumprod[timesteps].view(-1, 1, 1, 1)
    if prediction_type == "v_prediction":  # Salimans and Ho (2022): x = sqrt(a) z - sqrt(1 - a) v
        recovered = alpha.sqrt() * noisy - (1 - alpha).sqrt() * target
    else:
        recovered = (noisy - (1 - alpha).sqrt() * target) / alpha.sqrt()
    torch.testing.assert_close(recovered, latents, atol=1e-4, rtol=1e-4)


def test_nouns_become_token_masks_of_their_letters(backbone):
    nouns = (Noun("cat", ((6, 9),), mask=0), Noun("dog", ((16, 19),), mask=1))
    tokens = backbone.tokenize(["a red cat and a dog", "a"], [(nouns[0], Noun("dog", ((16, 19),))), ()], max_nouns=3)
    assert tokens.ids.shape == (2, 77)
    assert tokens.nouns.shape == (2, 3, 77)
    assert tokens.nouns[0, 0].nonzero().flatten().tolist() == [5, 6, 7]  # <start> a r e d | c a t
    assert not tokens.nouns[1].any()


def test_pipeline_shares_the_weights_and_reloads_to_the_same_images(backbone, tmp_path):
    pipeline = backbone.pipeline()
    assert pipeline.unet is backbone.unet
    pipeline.save_pretrained(tmp_path)
    images = [
        each("a red cat", num_inference_steps=2, generator=torch.Generator().manual_seed(0), output_type="np").images
        for each in (pipeline, StableDiffusionPipeline.from_pretrained(tmp_path))
    ]
    assert (images[0] == images[1]).all()


def test_options_of_speed_and_memory_reach_the_unet(tiny_pipeline):
    for options in ({}, {"gradient_checkpointing": True}, {"channels_last": True}, {"compile_blocks": True}):
        backbone = StableDiffusion(pretrained=str(tiny_pipeline), **options)
        assert backbone.unet.is_gradient_checkpointing == ("gradient_checkpointing" in options)
        weights = (backbone.unet.conv_in.weight, backbone.vae.encoder.conv_in.weight)
        channels_last = [each.is_contiguous(memory_format=torch.channels_last) for each in weights]
        assert channels_last == ["channels_last" in options] * 2
        compiled = any(module._compiled_call_impl is not None for module in backbone.unet.modules())
        assert compiled == ("compile_blocks" in options)


@pytest.mark.parametrize("fused", [True, False])
def test_attention_is_computed_as_it_is_asked(tiny_pipeline, fused):
    unet = StableDiffusion(pretrained=str(tiny_pipeline), fused_attention=fused).unet
    expected = AttnProcessor2_0 if fused else AttnProcessor
    assert {type(each) for each in unet.attn_processors.values()} == {expected}


def test_component_configs_are_plain_and_complete(backbone):
    configs = backbone.component_configs()
    assert set(configs) == {"unet", "vae", "text_encoder", "scheduler"}
    assert configs["unet"]["block_out_channels"] == [8, 16]
    assert configs["scheduler"]["prediction_type"] == "epsilon"
