"""Stable Diffusion 1.x and 2.x: a U-Net over a VAE's latents, conditioned by CLIP's text encoder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch
from diffusers import AutoencoderKL, DDPMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from lightning_compose.backbones.base import NEEDS_NOTHING
from lightning_compose.backbones.latent_diffusion import LatentDiffusion
from lightning_compose.backbones.unet import (
    cross_attention,
    decoding_first,
    downsampling,
    encoder_blocks,
    encoder_channels,
    kept_outputs,
)
from lightning_compose.capture import reading_attention
from lightning_compose.data.tokens import noun_tokens
from lightning_compose.needs import Needs
from lightning_compose.step import Prediction, Text, Tokens

if TYPE_CHECKING:
    from lightning_compose.data.schema import Noun


class StableDiffusion(LatentDiffusion):
    """A model of the Stable Diffusion 1.x or 2.x family, read from its own configuration.

    Args:
        pretrained: A diffusers folder or hub id; all components with their weights.
        config: Instead, a folder laid out in the same way in which weights may be missing: what has none is
            initialised at random.
        seed: For those random weights.
        gradient_checkpointing: Compute activations twice to store fewer; slower, with the same gradients.
        channels_last: Memory layout of U-Net and VAE, the one in which tensor cores compute convolutions.
        compile_blocks: Compile the U-Net's repeated transformer blocks with torch.compile.
        fused_attention: Whether torch's fused kernels compute attention; False = matrix products, which take more
            memory, but in bfloat16 on CPUs have a backward pass several times as fast.
        encoders: Whether VAE and text encoder are loaded; a run on a feature cache (`data.cache`) needs neither, but
            then draws no pictures.

    Raises:
        ValueError: When not exactly one of `pretrained` and `config` is given.
    """

    pipeline_class = StableDiffusionPipeline
    trained_name, trained_class = "unet", UNet2DConditionModel
    encoder_classes = MappingProxyType({"vae": AutoencoderKL, "text_encoder": CLIPTextModel})
    tokenizer_names = ("tokenizer",)
    unused = MappingProxyType(
        {"safety_checker": None, "feature_extractor": None, "image_encoder": None, "requires_safety_checker": False}
    )

    unet: UNet2DConditionModel
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer

    def __init__(
        self,
        pretrained: str | None = None,
        config: str | None = None,
        seed: int = 0,
        gradient_checkpointing: bool = False,
        channels_last: bool = False,
        compile_blocks: bool = False,
        fused_attention: bool = True,
        encoders: bool = True,
    ) -> None:
        super().__init__(pretrained, config, seed, channels_last, encoders)
        self.noise_schedule = DDPMScheduler.from_config(self.scheduler.config)
        if not fused_attention:
            self.unet.set_attn_processor(AttnProcessor())
        self.unet.to(memory_format=self.memory_format)
        self.prepare_denoiser(gradient_checkpointing, compile_blocks)
        self.freeze()

    def compile_blocks(self) -> None:
        self.unet.compile_repeated_blocks()

    @property
    def pooled_width(self) -> int:
        return self.encoder_configs["text_encoder"].hidden_size

    @property
    def attention_layers(self) -> dict[str, str]:
        return {name: f"1/{downsampling(self.unet, name)}" for name in cross_attention(self.unet)}

    @property
    def default_attention(self) -> tuple[str, ...]:
        # TokenCompose (CVPR 2024): the layers of the mid block and of the decoder.
        return ("mid", "up")

    @property
    def feature_layers(self) -> dict[str, int]:
        return encoder_channels(self.unet)

    @property
    def default_features(self) -> tuple[str, ...]:
        return ("mid",)

    def tokenize(self, captions: Sequence[str], nouns: Sequence[Sequence[Noun]], max_nouns: int) -> Tokens:
        encoded = self.tokenizer(
            list(captions), padding="max_length", truncation=True, return_offsets_mapping=True, return_tensors="pt"
        )
        found = noun_tokens(encoded["offset_mapping"], nouns, max_nouns)
        return Tokens(encoded["input_ids"], found.mask)

    def encode_text(self, tokens: Tokens) -> Text:
        self.require_encoders("to encode captions")
        encoded = self.text_encoder(tokens.ids)
        return Text(encoded.last_hidden_state, encoded.pooler_output)

    @property
    def latent_multiple(self) -> int:
        return 2 ** (len(self.unet.config.block_out_channels) - 1)

    def timesteps(self, uniform: Tensor) -> Tensor:
        return (uniform * self.noise_schedule.config.num_train_timesteps).long()

    def add_noise(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        return self.noise_schedule.add_noise(latents, noise, timesteps)

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        match self.noise_schedule.config.prediction_type:
            case "epsilon":
                return noise
            case "v_prediction":
                return self.noise_schedule.get_velocity(latents, noise, timesteps)
            case other:
                raise ValueError(f"Expected the scheduler to predict 'epsilon' or 'v_prediction', got {other!r}.")

    def denoise(
        self,
        noisy: Tensor,
        timesteps: Tensor,
        text: Text,
        needs: Needs = NEEDS_NOTHING,
        noisy_negative: Tensor | None = None,
        readout: Tensor | None = None,
    ) -> Prediction:
        samples, copies = len(noisy), 1 if noisy_negative is None else 2
        inputs = noisy if noisy_negative is None else torch.cat([noisy, noisy_negative])
        columns = _columns(needs.attention, readout, copies)
        layers, blocks = cross_attention(self.unet), encoder_blocks(self.unet)
        with (
            reading_attention(self.unet, {name: layers[name] for name in needs.attention}, columns) as maps,
            kept_outputs({name: blocks[name] for name in needs.features}) as features,
            decoding_first(self.unet, samples),
        ):
            prediction = self.unet(
                inputs.contiguous(memory_format=self.memory_format),
                timesteps.repeat(copies),
                encoder_hidden_states=text.sequence.repeat(copies, 1, 1),
            ).sample
        return Prediction(
            positive=prediction,
            maps={name: self._as_images(name, each[:samples], noisy) for name, each in maps.items()},
            features_positive={name: each[:samples] for name, each in features.items()},
            features_negative={name: each[samples:] for name, each in features.items() if noisy_negative is not None},
        )

    def _as_images(self, layer: str, maps: Tensor, latents: Tensor) -> Tensor:
        height, width = (math.ceil(side / downsampling(self.unet, layer)) for side in latents.shape[-2:])
        return maps.transpose(-1, -2).unflatten(-1, (height, width))


def _columns(layers: Sequence[str], readout: Tensor | None, encoder_copies: int) -> dict[str, Tensor]:
    if not layers:
        return {}
    if readout is None:
        raise ValueError(f"Expected a `readout` for the attention of {layers}, got None.")
    encoder_readout = readout.repeat(encoder_copies, 1, 1)
    return {name: readout if name.startswith("up") else encoder_readout for name in layers}
