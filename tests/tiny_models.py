"""Diffusers pipelines with random weights, of the published shapes but a few thousand times smaller."""

from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)
from transformers.convert_slow_tokenizer import bytes_to_unicode

TEXT_WIDTH = 16
JOINT_WIDTH = 40


def byte_tokenizer(model_max_length: int = 77, **special: str) -> CLIPTokenizer:
    """A CLIP tokenizer that knows bytes and no merges: every letter is a token."""
    letters = list(bytes_to_unicode().values())
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocab = {word: index for index, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocab, merges=[], model_max_length=model_max_length, **special)


def tiny_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=(1, 2),
        norm_num_groups=4,
        use_linear_projection=True,
    )


def letter_tokenizer() -> T5Tokenizer:
    """A T5 tokenizer that knows ASCII's letters and "cat"."""
    letters = [chr(code) for code in range(33, 127)]
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    words = [("\u2581", -2.0), ("\u2581cat", -1.0), *((letter, -3.0) for letter in letters)]
    return T5Tokenizer(vocab=[*special, *words], extra_ids=0, model_max_length=64)


def tiny_vae(**changes: object) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        sample_size=16,
        **({"latent_channels": 4} | changes),
    )


def tiny_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    return CLIPTextModel(tiny_clip_config(tokenizer))


def tiny_clip_config(tokenizer: CLIPTokenizer, width: int = TEXT_WIDTH, **changes: object) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=tokenizer.model_max_length,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **changes,
    )


def save_tiny_pipeline(folder: Path, prediction_type: str = "epsilon", seed: int = 0) -> Path:
    """Save a Stable Diffusion pipeline for 16 px images and return its folder."""
    tokenizer = byte_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pipeline = StableDiffusionPipeline(
            vae=tiny_vae(),
            text_encoder=tiny_text_encoder(tokenizer),
            tokenizer=tokenizer,
            unet=tiny_unet(),
            scheduler=DDIMScheduler(
                beta_start=0.00085,
                beta_end=0.012,
                beta_schedule="scaled_linear",
                clip_sample=False,
                set_alpha_to_one=False,
                steps_offset=1,
                prediction_type=prediction_type,
            ),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    pipeline.save_pretrained(folder)
    return folder


def tiny_sd3_transformer(**changes: object) -> SD3Transformer2DModel:
    """Three blocks for latents of up to 16 x 16."""
    settings = {
        "sample_size": 8,
        "patch_size": 2,
        "in_channels": 8,
        "out_channels": 8,
        "num_layers": 3,
        "attention_head_dim": 8,
        "num_attention_heads": 2,
        "joint_attention_dim": JOINT_WIDTH,
        "caption_projection_dim": 16,
        "pooled_projection_dim": 20,
        "pos_embed_max_size": 8,
    }
    return SD3Transformer2DModel(**(settings | changes))


def save_tiny_sd3_pipeline(folder: Path, t5: bool = True, seed: int = 0) -> Path:
    """Save a Stable Diffusion 3 pipeline for 16 px images and return its folder."""
    tokenizers = byte_tokenizer(), byte_tokenizer(pad_token="!")
    vae = {"latent_channels": 8, "scaling_factor": 1.5, "shift_factor": 0.06}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pipeline = StableDiffusion3Pipeline(
            vae=tiny_vae(**vae, use_quant_conv=False, use_post_quant_conv=False),
            text_encoder=CLIPTextModelWithProjection(tiny_clip_config(tokenizers[0], 16, projection_dim=8)),
            tokenizer=tokenizers[0],
            text_encoder_2=CLIPTextModelWithProjection(
                tiny_clip_config(tokenizers[1], 20, projection_dim=12, hidden_act="gelu")
            ),
            tokenizer_2=tokenizers[1],
            text_encoder_3=tiny_t5() if t5 else None,
            tokenizer_3=letter_tokenizer() if t5 else None,
            transformer=tiny_sd3_transformer(),
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        )
    pipeline.save_pretrained(folder)
    return folder


def tiny_t5() -> T5EncoderModel:
    config = T5Config(
        vocab_size=len(letter_tokenizer()),
        d_model=JOINT_WIDTH,
        d_kv=8,
        d_ff=48,
        num_layers=2,
        num_heads=2,
        feed_forward_proj="gated-gelu",
    )
    return T5EncoderModel(config)
