"""Stable Diffusion 3 and 3.5: a transformer over image and text tokens, trained by rectified flow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline
from torch import Tensor
from transformers import CLIPTextModelWithProjection, CLIPTokenizer, T5EncoderModel, T5Tokenizer

from lightning_compose.arguments import require_one_of, require_part
from lightning_compose.backbones.base import NEEDS_NOTHING
from lightning_compose.backbones.joint_text import JointText, Supervise, require_t5_tokens
from lightning_compose.backbones.latent_diffusion import LatentDiffusion
from lightning_compose.backbones.mmdit import (
    attention_blocks,
    compile_blocks,
    feature_widths,
    kept_outputs,
    stopping_after,
    token_grid,
)
from lightning_compose.backbones.rectified_flow import Density, NoiseLevels, shifted_timesteps
from lightning_compose.capture import reading_attention
from lightning_compose.data.tokens import encode, noun_tokens
from lightning_compose.needs import Needs
from lightning_compose.step import Prediction, Text, Tokens
from lightning_compose.text_parts import TextPart

if TYPE_CHECKING:
    from lightning_compose.data.schema import Noun

Maps = Mapping[str, Tensor]


class StableDiffusion3(LatentDiffusion):
    """A model of the Stable Diffusion 3 family, read from its own configuration.

    Args:
        pretrained: A diffusers folder or hub id; all components with their weights.
        config: Instead, a folder laid out in the same way in which weights may be missing: what has none is
            initialised at random.
        seed: For those random weights.
        gradient_checkpointing: Compute activations twice to store fewer; slower, with the same gradients.
        channels_last: Memory layout of the VAE, the one in which tensor cores compute convolutions.
        compile_blocks: Compile the transformer's blocks with torch.compile.
        encoders: Whether VAE and text encoders are loaded; a run on a feature cache (`data.cache`) needs none, but
            then draws no pictures.
        t5: Whether the T5 encoder is used, where the folder has one; zeros stand in its place otherwise.
        t5_tokens: Length of a caption for T5, or of those zeros, in [1, 512]; diffusers' pipeline has 256.
        supervise: Which tokens of a noun the losses on attention supervise: those of the two CLIP encoders, which share
            their places, those of T5, or both.
        encoder_dropout: Share of captions in [0, 1) that each text encoder drops by itself, beside the module's
            `caption_dropout`. The paper has 0.464, and no `caption_dropout`: all three together drop a tenth. What is
            dropped says what it says of the empty caption, as sampling with guidance has it; the paper's is zeros.
        density: How noise levels are drawn; see `NoiseLevels`. The scheduler's `shift` moves them after that.
        logit_mean: See `NoiseLevels`.
        logit_std: See `NoiseLevels`.
        mode_scale: See `NoiseLevels`.

    Raises:
        ValueError: When not exactly one of `pretrained` and `config` is given, T5 is to be supervised and is not there,
            or a number is out of its range.
    """

    pipeline_class = StableDiffusion3Pipeline
    trained_name, trained_class = "transformer", SD3Transformer2DModel
    encoder_classes = MappingProxyType(
        {
            "vae": AutoencoderKL,
            "text_encoder": CLIPTextModelWithProjection,
            "text_encoder_2": CLIPTextModelWithProjection,
            "text_encoder_3": T5EncoderModel,
        }
    )
    tokenizer_names = ("tokenizer", "tokenizer_2", "tokenizer_3")
    optional_components = ("text_encoder_3", "tokenizer_3")
    unused = MappingProxyType({"image_encoder": None, "feature_extractor": None})

    transformer: SD3Transformer2DModel
    text_encoder: CLIPTextModelWithProjection
    text_encoder_2: CLIPTextModelWithProjection
    text_encoder_3: T5EncoderModel
    tokenizer: CLIPTokenizer
    tokenizer_2: CLIPTokenizer
    tokenizer_3: T5Tokenizer
    scheduler: FlowMatchEulerDiscreteScheduler

    def __init__(
        self,
        pretrained: str | None = None,
        config: str | None = None,
        seed: int = 0,
        gradient_checkpointing: bool = False,
        channels_last: bool = False,
        compile_blocks: bool = False,
        encoders: bool = True,
        t5: bool = True,
        t5_tokens: int = 256,
        supervise: Supervise = "clip",
        encoder_dropout: float = 0.0,
        density: Density = "logit_normal",
        logit_mean: float = 0.0,
        logit_std: float = 1.0,
        mode_scale: float = 1.29,
    ) -> None:
        require_t5_tokens(t5_tokens)
        noise_levels = NoiseLevels(density, logit_mean, logit_std, mode_scale)
        super().__init__(pretrained, config, seed, channels_last, encoders, optional=t5)
        self.noise_levels = noise_levels
        self.joint_text = self._joint_text(t5_tokens)
        self.supervise, self.encoder_dropout = supervise, encoder_dropout
        self._require_usable()
        self.prepare_denoiser(gradient_checkpointing, compile_blocks)
        self.freeze()

    def _joint_text(self, t5_tokens: int) -> JointText:
        clip = [self.encoder_configs[name] for name in ("text_encoder", "text_encoder_2")]
        return JointText(
            clip_tokens=self.tokenizer.model_max_length,
            clip_widths=(clip[0].hidden_size, clip[1].hidden_size),
            pooled_widths=(clip[0].projection_dim, clip[1].projection_dim),
            t5_tokens=t5_tokens,
            width=self.transformer.config.joint_attention_dim,
            has_t5="text_encoder_3" in self.encoder_classes,
        )

    def _require_usable(self) -> None:
        require_part(encoder_dropout=self.encoder_dropout)
        require_one_of(get_args(Supervise), supervise=self.supervise)
        if self.supervise != "clip" and not self.joint_text.has_t5:
            raise ValueError(
                f"Expected a model with T5 for `supervise: {self.supervise}`, got one without. Set supervise to clip, "
                "or give a folder with T5 and `t5: true`."
            )
        if self.scheduler.config.use_dynamic_shifting:
            raise ValueError(
                "Expected a scheduler with a fixed `shift`, got `use_dynamic_shifting: true`. Set it to false in "
                "scheduler/scheduler_config.json."
            )

    def compile_blocks(self) -> None:
        compile_blocks(self.transformer)

    @property
    def pooled_width(self) -> int:
        return sum(self.joint_text.pooled_widths)

    @property
    def text_encoders(self) -> dict[str, TextPart]:
        return self.joint_text.parts

    @property
    def attention_layers(self) -> dict[str, str]:
        return dict.fromkeys(attention_blocks(self.transformer), f"1/{self.transformer.config.patch_size}")

    @property
    def default_attention(self) -> tuple[str, ...]:
        # Ours: from the middle on, the last too, as TokenCompose supervises a U-Net's mid block and decoder.
        blocks = tuple(self.attention_layers)
        return blocks[_middle(blocks) :]

    @property
    def feature_layers(self) -> dict[str, int]:
        return feature_widths(self.transformer)

    @property
    def default_features(self) -> tuple[str, ...]:
        # Ours: there is no encoder; half the depth is where a U-Net's ends.
        blocks = tuple(self.feature_layers)
        return (blocks[_middle(blocks)],)

    def tokenize(self, captions: Sequence[str], nouns: Sequence[Sequence[Noun]], max_nouns: int) -> Tokens:
        lengths = dict.fromkeys(("tokenizer", "tokenizer_2"), self.joint_text.clip_tokens)
        if self.joint_text.has_t5:
            lengths["tokenizer_3"] = self.joint_text.t5_tokens
        encoded = [encode(getattr(self, name), captions, length) for name, length in lengths.items()]
        first, second, *t5 = (noun_tokens(each["offset_mapping"], nouns, max_nouns).mask for each in encoded)
        # Those at which both CLIP encoders read the noun. "!!" is two tokens for the second, whose padding is "!", and
        # one for the first, in diffusers' pipeline too: behind it the two read a noun at different places.
        supervised = self.joint_text.noun_tokens(first & second, t5[0] if t5 else None, self.supervise)
        return Tokens(torch.cat([each["input_ids"] for each in encoded], dim=1), supervised)

    def encode_text(self, tokens: Tokens) -> Text:
        self.require_encoders("to encode captions")
        parts = self.joint_text.parts
        clip = [
            encoder(tokens.ids[:, parts[name].ids], output_hidden_states=True)
            for name, encoder in (("clip_l", self.text_encoder), ("clip_g", self.text_encoder_2))
        ]
        return self.joint_text.joined(
            torch.cat([each.hidden_states[-2] for each in clip], dim=-1),
            torch.cat([each.text_embeds for each in clip], dim=-1),
            self.text_encoder_3(tokens.ids[:, parts["t5"].ids])[0] if "t5" in parts else None,
        )

    def text_fields(self, text: Text) -> dict[str, Tensor]:
        return self.joint_text.fields(text)

    def text(self, fields: Mapping[str, Tensor]) -> Text:
        return self.joint_text.joined(fields["clip"], fields["pooled"], fields.get("t5"))

    @property
    def latent_multiple(self) -> int:
        return self.transformer.config.patch_size

    def latent_shape(self, height_px: int, width_px: int) -> tuple[int, int, int]:
        largest_px = self.vae_factor * self.latent_multiple * self.transformer.config.pos_embed_max_size
        if max(height_px, width_px) > largest_px:
            raise ValueError(
                f"Expected image sides of at most {largest_px} px, the positions that this transformer knows "
                f"(pos_embed_max_size), got {height_px} x {width_px}. Change `data.size_px`."
            )
        return super().latent_shape(height_px, width_px)

    def timesteps(self, uniform: Tensor) -> Tensor:
        scheduler = self.scheduler.config
        return shifted_timesteps(self.noise_levels.quantiles(uniform), scheduler.shift, scheduler.num_train_timesteps)

    def add_noise(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        level = (timesteps / self.scheduler.config.num_train_timesteps).view(-1, 1, 1, 1)
        return level * noise + (1.0 - level) * latents

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        # The velocity (Esser et al., 2024): towards noise, as diffusers' scheduler steps.
        return noise - latents

    def denoise(
        self,
        noisy: Tensor,
        timesteps: Tensor,
        text: Text,
        needs: Needs = NEEDS_NOTHING,
        noisy_negative: Tensor | None = None,
        readout: Tensor | None = None,
    ) -> Prediction:
        # Without features there is nothing that a negative is asked for.
        paired = noisy_negative is not None and bool(needs.features)
        inputs = torch.cat([noisy, noisy_negative]) if noisy_negative is not None and paired else noisy
        samples, copies = len(noisy), len(inputs) // len(noisy)
        with self._read(needs, readout, noisy) as (maps, features), self._stopping(needs, samples, paired):
            prediction = self.transformer(
                inputs,
                encoder_hidden_states=text.sequence.repeat(copies, 1, 1),
                pooled_projections=text.pooled.repeat(copies, 1),
                timestep=timesteps.repeat(copies),
            ).sample
        grid = token_grid(self.transformer, noisy)
        return Prediction(
            positive=prediction,
            maps={name: each.transpose(-1, -2).unflatten(-1, grid) for name, each in maps.items()},
            features_positive={name: each[:samples] for name, each in features.items()},
            features_negative={name: each[samples:] for name, each in features.items() if paired},
        )

    @contextmanager
    def _read(self, needs: Needs, readout: Tensor | None, latents: Tensor) -> Iterator[tuple[Maps, Maps]]:
        if needs.attention and readout is None:
            raise ValueError(f"Expected a `readout` for the attention of {needs.attention}, got None.")
        layers = attention_blocks(self.transformer)
        columns = {name: readout for name in needs.attention if readout is not None}
        with (
            reading_attention(self.transformer, {name: layers[name] for name in columns}, columns) as maps,
            kept_outputs(self.transformer, needs.features, token_grid(self.transformer, latents)) as features,
        ):
            yield maps, features

    def _stopping(self, needs: Needs, samples: int, paired: bool) -> AbstractContextManager[None]:
        # In the model's order: the last is the deepest.
        return stopping_after(self.transformer, needs.features[-1], samples) if paired else nullcontext()

    @property
    def sampling_settings(self) -> Mapping[str, Any]:
        return {"max_sequence_length": self.joint_text.t5_tokens}

    @property
    def loading_settings(self) -> Mapping[str, Any]:
        return {} if self.joint_text.has_t5 else dict.fromkeys(self.optional_components)

    def component_configs(self) -> dict[str, dict[str, Any]]:
        configs = super().component_configs()
        # The transformer is trained for captions of this length, or of zeros in their place.
        configs[self.trained_name]["t5_tokens"] = self.joint_text.t5_tokens
        return configs

    def encoder_identity(self) -> dict[str, dict[str, Any]]:
        t5 = {"used": self.joint_text.has_t5, "tokens": self.joint_text.t5_tokens}
        return {**super().encoder_identity(), "t5": t5}


def _middle(blocks: Sequence[str]) -> int:
    return (len(blocks) - 1) // 2
