"""Stable Diffusion 1.x and 2.x: a U-Net over a VAE's latents, conditioned by CLIP's text encoder."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKL, DDPMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from lightning_compose.backbones.base import NEEDS_NOTHING, Backbone
from lightning_compose.backbones.components import load_config, load_model, table_fingerprint, weights_fingerprint
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

ENCODER_CLASSES = {"vae": AutoencoderKL, "text_encoder": CLIPTextModel}
MODEL_CLASSES = {"unet": UNet2DConditionModel, **ENCODER_CLASSES}
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
        encoders: Whether VAE and text encoder are loaded; a run on a feature cache (`data.cache`) needs neither, but
            then draws no pictures.

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
        encoders: bool = True,
    ) -> None:
        super().__init__()
        if (pretrained is None) == (config is None):
            raise ValueError(
                "Expected exactly one of `pretrained` (a diffusers folder or hub id) and `config` (a folder of "
                f"component configs), got pretrained={pretrained!r} and config={config!r}. Set the other to null."
            )
        self.source, self.seed, self.encoders = str(pretrained or config), seed, encoders
        pipeline = _load(self.source, **_parts(self.source, seed, encoders, any_weights=config is not None))
        self.unet: UNet2DConditionModel = pipeline.unet
        if encoders:
            self.vae: AutoencoderKL = pipeline.vae
            self.text_encoder: CLIPTextModel = pipeline.text_encoder
            self.vae.to(memory_format=_memory_format(channels_last))
        self.vae_config, self.text_config = self._encoder_configs()
        self.tokenizer: CLIPTokenizer = pipeline.tokenizer
        self.scheduler = pipeline.scheduler
        self.noise_schedule = DDPMScheduler.from_config(pipeline.scheduler.config)
        self.memory_format = _memory_format(channels_last)
        self._prepare_unet(gradient_checkpointing, compile_blocks)
        self.freeze()

    def _encoder_configs(self) -> tuple[Any, Any]:
        if self.encoders:
            return self.vae.config, self.text_encoder.config
        folder = _folder(self.source)
        vae, text = (load_config(model_class, folder, name) for name, model_class in ENCODER_CLASSES.items())
        return vae, text

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
        return self.vae_config.latent_channels

    @property
    def pooled_width(self) -> int:
        return self.text_config.hidden_size

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
        self._require_encoders("to encode captions")
        encoded = self.text_encoder(tokens.ids)
        return Text(encoded.last_hidden_state, encoded.pooler_output)

    def latent_shape(self, height_px: int, width_px: int) -> tuple[int, int, int]:
        vae_factor = 2 ** (len(self.vae_config.block_out_channels) - 1)
        multiple = vae_factor * 2 ** (len(self.unet.config.block_out_channels) - 1)
        if height_px % multiple or width_px % multiple:
            raise ValueError(
                f"Expected image sides that are multiples of {multiple} px (VAE x U-Net downsampling), got "
                f"{height_px} x {width_px}. Change `data.size_px`."
            )
        return self.latent_channels, height_px // vae_factor, width_px // vae_factor

    def image_moments(self, images: Tensor) -> Tensor:
        self._require_encoders("to encode images")
        latents = self.vae.encode(images.contiguous(memory_format=self.memory_format)).latent_dist
        return torch.cat([latents.mean, latents.std], dim=1)

    def sample_latents(self, moments: Tensor, noise: Tensor) -> Tensor:
        mean, std = moments.chunk(2, dim=1)
        return (mean + std * noise) * self.vae_config.scaling_factor

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
        self._require_encoders("to draw images or to export")
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
            "vae": json.dumps({key: value for key, value in self.vae_config.items() if not key.startswith("_")}),
            "text_encoder": self.text_config.to_json_string(),
            "scheduler": self.scheduler.to_json_string(),
        }
        return {name: json.loads(config) for name, config in text.items()}

    def encoder_identity(self) -> dict[str, dict[str, Any]]:
        folder, configs = _folder(self.source), self.component_configs()
        identity = {
            name: {**configs[name], "weights": weights_fingerprint(model_class, folder, name, self.seed)}
            for name, model_class in ENCODER_CLASSES.items()
        }
        vocabulary = table_fingerprint(self.tokenizer.get_vocab())
        tokenizer = {"vocabulary": vocabulary, "length": self.tokenizer.model_max_length}
        # For people alone. The folder of a hub id is named by its revision.
        return {**identity, "tokenizer": tokenizer, "origin": {"_source": self.source, "_folder": folder.name}}

    def _require_encoders(self, purpose: str) -> None:
        if not self.encoders:
            raise ValueError(
                f"Expected VAE and text encoder {purpose}, got a model without them (`encoders: false`). "
                "Set --model.backbone.init_args.encoders=true; any checkpoint of this run fits both. "
                "To train without them, set --data.cache to what `shards cache` made."
            )


def _memory_format(channels_last: bool) -> torch.memory_format:
    return torch.channels_last if channels_last else torch.contiguous_format


def _folder(source: str) -> Path:
    # A hub id stands for the folder that it was downloaded to.
    return Path(source if Path(source).is_dir() else StableDiffusionPipeline.download(source, **UNUSED_COMPONENTS))


def _load(folder: str, **components: nn.Module | None) -> StableDiffusionPipeline:
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


def _parts(source: str, seed: int, encoders: bool, any_weights: bool) -> dict[str, nn.Module | None]:
    """What the pipeline shall not load itself: encoders left out, and what may lack weights."""
    left_out = {} if encoders else dict.fromkeys(ENCODER_CLASSES)
    if not any_weights:
        return left_out
    classes = {name: each for name, each in MODEL_CLASSES.items() if name not in left_out}
    return {**left_out, **{name: load_model(each, source, name, seed) for name, each in classes.items()}}
