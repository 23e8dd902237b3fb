"""What the package ships for the embedded world: complete, small, and good enough to show what a U-Net learned."""

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

import lightning_compose
from lightning_compose.shapes.palette import BACKGROUNDS, SHAPES
from lightning_compose.shapes.pretraining.autoencoder import evaluate
from lightning_compose.shapes.pretraining.tokenizer import world_captions

ASSETS = Path(lightning_compose.__file__).parent / "assets" / "shapes"
# Measured: 34.6, 35.2 and 34.9 on the held-out renders of seeds 0, 1 and 2.
MIN_PSNR_DB = 33.0


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(ASSETS / "tokenizer")


@pytest.fixture(scope="module")
def vae() -> AutoencoderKL:
    return AutoencoderKL.from_pretrained(ASSETS / "vae")


def test_vocabulary_is_small_and_the_text_encoder_agrees(tokenizer):
    config = CLIPTextConfig.from_pretrained(ASSETS / "text_encoder")
    assert len(tokenizer) == config.vocab_size <= 2000
    special = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    assert special == (config.bos_token_id, config.eos_token_id, config.pad_token_id)
    assert tokenizer.model_max_length == config.max_position_embeddings == 77


def test_several_nouns_have_more_than_one_token(tokenizer):
    pieces = {noun: len(tokenizer.tokenize(noun)) for noun in (*SHAPES, *BACKGROUNDS, "rings", "hearts", "squares")}
    assert pieces["five-pointed star"] == 4
    assert pieces["crescent moon"] == 2
    assert min(pieces[plural] for plural in ("rings", "hearts", "squares")) > 1, "a word in pieces"
    assert pieces["ring"] == 1


def test_offsets_point_at_the_words(tokenizer):
    caption = "Two RINGS and a Crescent Moon."
    encoded = tokenizer(caption, return_offsets_mapping=True)
    start = caption.index("RINGS")
    rings = [span for span in encoded.offset_mapping if start <= span[0] < span[1] <= start + len("RINGS")]
    assert "".join(caption[first:last] for first, last in rings) == "RINGS"
    assert encoded.offset_mapping[0] == encoded.offset_mapping[-1] == (0, 0)


def test_captions_of_the_world_fit(tokenizer):
    assert max(len(tokenizer(caption).input_ids) for caption in world_captions(200, seed=1)) <= 77


def test_autoencoder_is_small_and_loads_as_float32(vae):
    assert sum(path.stat().st_size for path in (ASSETS / "vae").iterdir()) <= 5_000_000
    assert {each.dtype for each in vae.parameters()} == {torch.float32}


def test_autoencoder_reconstructs_held_out_renders_and_normalises_latents(vae):
    measured = evaluate(vae, seed=1, count=64)
    assert measured["held_out_psnr"] >= MIN_PSNR_DB
    assert measured["latent_std"] * vae.config.scaling_factor == pytest.approx(1, rel=0.05)


def test_components_make_a_pipeline_that_draws(vae, tokenizer):
    unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(ASSETS / "unet"))
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(CLIPTextConfig.from_pretrained(ASSETS / "text_encoder")),
        tokenizer=tokenizer,
        unet=unet,
        scheduler=DDIMScheduler.from_pretrained(ASSETS / "scheduler"),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    image = pipeline("a red ring", num_inference_steps=2).images[0]
    assert image.size == (64, 64)
    assert unet.num_parameters() < 10_000_000
    assert StableDiffusionPipeline.load_config(ASSETS)["requires_safety_checker"] is False
