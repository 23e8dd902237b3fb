"""What the package ships for a small Stable Diffusion 3: components that fit each other, and make a pipeline."""

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline
from transformers import (
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

import lightning_compose
from lightning_compose.backbones.components import load_model
from lightning_compose.shapes.palette import BACKGROUNDS, SHAPES
from lightning_compose.shapes.pretraining.autoencoder import reconstruct
from lightning_compose.shapes.pretraining.tokenizer import world_captions

ASSETS = Path(lightning_compose.__file__).parent / "assets"
FOLDER = ASSETS / "shapes-sd3"
MODELS = {
    "transformer": SD3Transformer2DModel,
    "vae": AutoencoderKL,
    "text_encoder": CLIPTextModelWithProjection,
    "text_encoder_2": CLIPTextModelWithProjection,
    "text_encoder_3": T5EncoderModel,
}


@pytest.fixture(scope="module")
def models() -> dict:
    return {name: load_model(each, FOLDER, name, seed=0).eval() for name, each in MODELS.items()}


@pytest.fixture(scope="module")
def t5_tokenizer() -> T5Tokenizer:
    return T5Tokenizer.from_pretrained(FOLDER / "tokenizer_3")


def test_the_clip_tokenizers_differ_in_their_padding_alone():
    first, second = (CLIPTokenizer.from_pretrained(FOLDER / name) for name in ("tokenizer", "tokenizer_2"))
    assert (first.pad_token, second.pad_token) == ("<|endoftext|>", "!")
    assert first.get_vocab() == second.get_vocab()
    assert first("two purple hearts").input_ids == second("two purple hearts").input_ids
    shipped = ASSETS / "shapes/tokenizer/tokenizer.json"
    assert (FOLDER / "tokenizer/tokenizer.json").read_bytes() == shipped.read_bytes()


@pytest.mark.parametrize("suffix", ["", "_2"])
def test_clip_encoders_agree_with_their_tokenizers(suffix):
    tokenizer = CLIPTokenizer.from_pretrained(FOLDER / f"tokenizer{suffix}")
    config = CLIPTextConfig.from_pretrained(FOLDER / f"text_encoder{suffix}")
    assert len(tokenizer) == config.vocab_size
    special = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    assert special == (config.bos_token_id, config.eos_token_id, config.pad_token_id)
    assert tokenizer.model_max_length == config.max_position_embeddings == 77


def test_t5_agrees_with_its_tokenizer_and_takes_every_caption(t5_tokenizer):
    config = T5Config.from_pretrained(FOLDER / "text_encoder_3")
    assert len(t5_tokenizer) == config.vocab_size
    assert (t5_tokenizer.pad_token_id, t5_tokenizer.eos_token_id) == (config.pad_token_id, config.eos_token_id)
    encoded = [t5_tokenizer(caption).input_ids for caption in world_captions(200, seed=1)]
    assert max(map(len, encoded)) <= t5_tokenizer.model_max_length
    assert not any(t5_tokenizer.unk_token_id in ids for ids in encoded)


def test_several_nouns_have_more_than_one_t5_token(t5_tokenizer):
    pieces = {noun: len(t5_tokenizer.tokenize(noun)) for noun in (*SHAPES, *BACKGROUNDS, "rings", "hearts")}
    assert pieces["ring"] == 1
    assert pieces["rings"] == pieces["hearts"] == pieces["crescent moon"] == 2


def test_widths_fit_together(models):
    transformer, clips = models["transformer"].config, (models["text_encoder"], models["text_encoder_2"])
    assert transformer.pooled_projection_dim == sum(each.config.projection_dim for each in clips)
    assert sum(each.config.hidden_size for each in clips) <= transformer.joint_attention_dim
    assert transformer.joint_attention_dim == models["text_encoder_3"].config.d_model
    assert transformer.in_channels == models["vae"].config.latent_channels
    assert 4_000_000 < models["transformer"].num_parameters() < 6_000_000


def test_the_autoencoder_is_the_shipped_one_and_its_latents_are_normalised(models):
    weights = "vae/diffusion_pytorch_model.safetensors"
    assert (FOLDER / weights).read_bytes() == (ASSETS / "shapes" / weights).read_bytes()
    _, _, latents = reconstruct(models["vae"], seed=2, count=128)
    config = models["vae"].config
    scaled = (latents - config.shift_factor) * config.scaling_factor
    assert scaled.mean().item() == pytest.approx(0, abs=0.05)
    assert scaled.std().item() == pytest.approx(1, rel=0.05)


def test_components_make_a_pipeline_that_draws(models):
    pipeline = StableDiffusion3Pipeline.from_pretrained(FOLDER, low_cpu_mem_usage=False, **models)
    pipeline.set_progress_bar_config(disable=True)
    assert isinstance(pipeline.scheduler, FlowMatchEulerDiscreteScheduler)
    with torch.no_grad():
        assert pipeline("a red ring", num_inference_steps=2, max_sequence_length=77).images[0].size == (64, 64)


def test_random_clip_encoders_leave_words_apart(models):
    tokenizer = CLIPTokenizer.from_pretrained(FOLDER / "tokenizer")
    ids = tokenizer(["a red ring", "a red heart"], padding="max_length", return_tensors="pt").input_ids
    with torch.no_grad():
        features = models["text_encoder"](ids, output_hidden_states=True).hidden_states[-2]
    # Stable Diffusion 3 takes them without the last normalisation: they must not drown in the next layer's bias.
    assert features.std() > 0.05
    article, noun = (features[0, at] - features[1, at] for at in (1, 3))
    assert article.abs().max() < 1e-5 < noun.std()
    assert noun.std() > 0.05
