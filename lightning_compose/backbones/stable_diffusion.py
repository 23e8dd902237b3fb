"""Stable Diffusion 1.x and 2.x: a U-Net over a VAE's latents, conditioned by CLIP's text encoder."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKL, DDPMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from lightning_compose.backbones.base import NEEDS_NOTHING, Backbone
from lightning_compose.backbones.components import load_model
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

MODEL_CLASSES = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
RECOMPILE_LIMIT = 64
UNUSED_COMPONENTS = {
    "safety_checker": None,
    "feature_extractor": None,
    "image_encoder": None,
    "requires_safety_checker": False,
}


class StableDiffusion(Backbone):
    """A model of the Stable Diffusion 1.x or 2.x family, read from its own configuration.

    Args:
        pretrained: A diffusers folder or hub id; all components with their weights.
        config: Instead, a folder laid out in the same way in which weights may be missing: what has none is
            initialised at random.
        seed: For those random weights.
        gradient_checkpointing: Compute activations twice to store fewer; slower, with the same gradients.
        channels_last: Memory layout of U-Net and VAE, the one in which tensor cores compute convolutions.
        compile_blocks: Compile the U-Net's repeated transformer blocks with torch.compile.

    Raises:
        ValueError: When not exactly one of `pretrained` and `config` is given.
    """

    trained_name = "unet"

    def __init__(
        self,
        pretrained: str | None = None,
        config: str | None = None,
        seed: int = 0,
        gradient_checkpointing: bool = False,
        channels_last: bool = False,
        compile_blocks: bool = False,
    ) -> None:
        super().__init__()
        if (pretrained is None) == (config is None):
            raise ValueError(
                "Expected exactly one of `pretrained` (a diffusers folder or hub id) and `config` (a folder of "
                f"component configs), got pretrained={pretrained!r} and config={config!r}. Set the other to null."
            )
        pipeline = _load(pretrained) if pretrained is not None else _load(str(config), **_models(str(config), seed))
        self.unet: UNet2DConditionModel = pipeline.unet
        self.vae: AutoencoderKL = pipeline.vae
        self.text_encoder: CLIPTextModel = pipeline.text_encoder
        self.tokenizer: CLIPTokenizer = pipeline.tokenizer
        self.scheduler = pipeline.scheduler
        self.noise_schedule = DDPMScheduler.from_config(pipeline.scheduler.config)
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self._prepare_unet(gradient_checkpointing, compile_blocks)
        self.vae.to(memory_format=self.memory_format)
        self.freeze()

    def _prepare_unet(self, gradient_checkpointing: bool, compile_blocks: bool) -> None:
        self.unet.to(memory_format=self.memory_format)
        if gradient_checkpointing:
            self.unet.enable_gradient_checkpointing()
        if compile_blocks:
            # One function serves all transformer blocks, so torch counts every width, processor, gradient mode and
            # batch shape against its limit of 8 recompilations, beyond which blocks run uncompiled.
            torch._dynamo.config.cache_size_limit = max(torch._dynamo.config.cache_size_limit, RECOMPILE_LIMIT)
            self.unet.compile_repeated_blocks()

    @property
    def latent_channels(self) -> int:
        return self.vae.config.latent_channels

    @property
    def pooled_width(self) -> int:
        return self.text_encoder.config.hidden_size

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

    def tokenize(self, captions: Sequence[str], nouns: Sequence[Sequence[Noun]], max_nouns: int) -> Tokens:
        encoded = self.tokenizer(
            list(captions), padding="max_length", truncation=True, return_offsets_mapping=True, return_tensors="pt"
        )
        found = noun_tokens(encoded["offset_mapping"], nouns, max_nouns)
        return Tokens(encoded["input_ids"], found.mask)

    def encode_text(self, tokens: Tokens) -> Text:
        encoded = self.text_encoder(tokens.ids)
        return Text(encoded.last_hidden_state, encoded.pooler_output)

    def latent_shape(self, height_px: int, width_px: int) -> tuple[int, int, int]:
        vae_factor = 2 ** (len(self.vae.config.block_out_channels) - 1)
        multiple = vae_factor * 2 ** (len(self.unet.config.block_out_channels) - 1)
        if height_px % multiple or width_px % multiple:
            raise ValueError(
                f"Expected image sides that are multiples of {multiple} px (VAE x U-Net downsampling), got "
                f"{height_px} x {width_px}. Change `data.size_px`."
            )
        return self.latent_channels, height_px // vae_factor, width_px // vae_factor

    def encode_images(self, images: Tensor, noise: Tensor) -> Tensor:
        moments = self.vae.encode(images.contiguous(memory_format=self.memory_format)).latent_dist
        return (moments.mean + moments.std * noise) * self.vae.config.scaling_factor

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

    def pipeline(self) -> StableDiffusionPipeline:
        return StableDiffusionPipeline(
            vae=self.vae,
            text_encoder=self.text_encoder,
            tokenizer=self.tokenizer,
            unet=self.unet,
            scheduler=self.scheduler,
            **UNUSED_COMPONENTS,
        )

    def component_configs(self) -> dict[str, dict[str, Any]]:
        text = {
            "unet": self.unet.to_json_string(),
            "vae": self.vae.to_json_string(),
            "text_encoder": self.text_encoder.config.to_json_string(),
            "scheduler": self.scheduler.to_json_string(),
        }
        return {name: json.loads(config) for name, config in text.items()}


def _load(folder: str, **components: nn.Module) -> StableDiffusionPipeline:
    # Trained parts must be float32 whatever the files hold.
    return StableDiffusionPipeline.from_pretrained(
        folder, dtype=torch.float32, low_cpu_mem_usage=False, **UNUSED_COMPONENTS, **components
    )


def _columns(layers: Sequence[str], readout: Tensor | None, encoder_copies: int) -> dict[str, Tensor]:
    if not layers:
        return {}
    if readout is None:
        raise ValueError(f"Expected a `readout` for the attention of {layers}, got None.")
    encoder_readout = readout.repeat(encoder_copies, 1, 1)
    return {name: readout if name.startswith("up") else encoder_readout for name in layers}


def _models(folder: str, seed: int) -> dict[str, nn.Module]:
    return {name: load_model(model_class, folder, name, seed) for name, model_class in MODEL_CLASSES.items()}
