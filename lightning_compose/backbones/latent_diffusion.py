"""What diffusion models over a VAE's latents have in common, whatever denoises them.

They are loaded from a diffusers folder, train with or without their encoders, and go back into diffusers' pipeline.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from diffusers import AutoencoderKL, DiffusionPipeline
from torch import Tensor, nn

from lightning_compose.backbones.base import Backbone
from lightning_compose.backbones.components import load_config, load_model, table_fingerprint, weights_fingerprint

RECOMPILE_LIMIT = 64


class LatentDiffusion(Backbone):
    """A denoiser between a VAE and text encoders; a subclass names its parts and adds what its denoiser asks for.

    Args:
        pretrained: A diffusers folder or hub id; all components with their weights.
        config: Instead, a folder laid out in the same way in which weights may be missing.
        seed: For those random weights.
        channels_last: Memory layout of the VAE, and of a denoiser of convolutions.
        encoders: Whether VAE and text encoders are loaded.
        optional: Whether `optional_components` are loaded, where the folder has them.

    Raises:
        ValueError: When not exactly one of `pretrained` and `config` is given.
    """

    pipeline_class: ClassVar[type[DiffusionPipeline]]
    trained_class: ClassVar[type[Any]]
    # The VAE and the text encoders, and the tokenizers, by the names that the pipeline has for them.
    encoder_classes: Mapping[str, type[Any]]
    tokenizer_names: tuple[str, ...]
    optional_components: ClassVar[tuple[str, ...]] = ()
    # Arguments of the pipeline for what no model here has.
    unused: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    vae: AutoencoderKL
    scheduler: Any

    def __init__(
        self,
        pretrained: str | None,
        config: str | None,
        seed: int,
        channels_last: bool,
        encoders: bool,
        optional: bool = True,
    ) -> None:
        super().__init__()
        self.source, self.seed, self.encoders = _source(pretrained, config), seed, encoders
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.absent = self._absent_components(optional)
        self.encoder_classes = {name: each for name, each in self.encoder_classes.items() if name not in self.absent}
        self.tokenizer_names = tuple(name for name in self.tokenizer_names if name not in self.absent)
        pipeline = self._load(any_weights=config is not None)
        for name in (self.trained_name, *self._loaded_encoders(), *self.tokenizer_names, "scheduler"):
            setattr(self, name, getattr(pipeline, name))
        if encoders:
            self.vae.to(memory_format=self.memory_format)
        self.encoder_configs = self._configs_of_encoders()

    def _absent_components(self, wanted: bool) -> dict[str, None]:
        if not self.optional_components:
            return {}
        index = self.pipeline_class.load_config(self.source)
        # A component that a pipeline was saved without is listed there as [null, null].
        saved = all(any(index.get(name) or ()) for name in self.optional_components)
        return {} if wanted and saved else dict.fromkeys(self.optional_components)

    def _loaded_encoders(self) -> tuple[str, ...]:
        return tuple(self.encoder_classes) if self.encoders else ()

    def _load(self, any_weights: bool) -> Any:
        # What the pipeline shall not load itself: encoders left out, and what may lack weights.
        parts: dict[str, nn.Module | None] = {} if self.encoders else dict.fromkeys(self.encoder_classes)
        if any_weights:
            classes = {self.trained_name: self.trained_class, **self.encoder_classes}
            wanted = {name: each for name, each in classes.items() if name not in parts}
            parts |= {name: load_model(each, self.source, name, self.seed) for name, each in wanted.items()}
        # Trained parts must be float32 whatever the files hold.
        return self.pipeline_class.from_pretrained(
            self.source, dtype=torch.float32, low_cpu_mem_usage=False, **self.unused, **self.absent, **parts
        )

    def _configs_of_encoders(self) -> dict[str, Any]:
        if self.encoders:
            return {name: getattr(self, name).config for name in self.encoder_classes}
        folder = self._folder()
        return {name: load_config(each, folder, name) for name, each in self.encoder_classes.items()}

    def _folder(self) -> Path:
        # A hub id stands for the folder that it was downloaded to.
        if Path(self.source).is_dir():
            return Path(self.source)
        return Path(self.pipeline_class.download(self.source, **self.unused, **self.absent))

    def prepare_denoiser(self, gradient_checkpointing: bool, compile_blocks: bool) -> None:
        """Set the denoiser's options of speed and memory."""
        if gradient_checkpointing:
            trained: Any = self.trained
            trained.enable_gradient_checkpointing()
        if compile_blocks:
            # One function serves all blocks, so torch counts every width, processor, gradient mode and batch shape
            # against its limit of 8 recompilations, beyond which blocks run uncompiled.
            torch._dynamo.config.cache_size_limit = max(torch._dynamo.config.cache_size_limit, RECOMPILE_LIMIT)
            self.compile_blocks()

    @abstractmethod
    def compile_blocks(self) -> None:
        """Compile the denoiser's repeated blocks with torch.compile."""

    @property
    def vae_config(self) -> Any:
        """Configuration of the VAE, which may have been left out itself."""
        return self.encoder_configs["vae"]

    @property
    def latent_channels(self) -> int:
        return self.vae_config.latent_channels

    @property
    def vae_factor(self) -> int:
        """By what the VAE divides the sides of an image."""
        return 2 ** (len(self.vae_config.block_out_channels) - 1)

    @property
    @abstractmethod
    def latent_multiple(self) -> int:
        """What the sides of the denoiser's latents have to be multiples of."""

    def latent_shape(self, height_px: int, width_px: int) -> tuple[int, int, int]:
        multiple = self.vae_factor * self.latent_multiple
        if height_px % multiple or width_px % multiple:
            raise ValueError(
                f"Expected image sides that are multiples of {multiple} px (VAE x denoiser downsampling), got "
                f"{height_px} x {width_px}. Change `data.size_px`."
            )
        return self.latent_channels, height_px // self.vae_factor, width_px // self.vae_factor

    def image_moments(self, images: Tensor) -> Tensor:
        self.require_encoders("to encode images")
        latents = self.vae.encode(images.contiguous(memory_format=self.memory_format)).latent_dist
        return torch.cat([latents.mean, latents.std], dim=1)

    def sample_latents(self, moments: Tensor, noise: Tensor) -> Tensor:
        mean, std = moments.chunk(2, dim=1)
        return (mean + std * noise - (self.vae_config.shift_factor or 0.0)) * self.vae_config.scaling_factor

    def pipeline(self) -> DiffusionPipeline:
        self.require_encoders("to draw images or to export")
        names = (self.trained_name, *self.encoder_classes, *self.tokenizer_names, "scheduler")
        return self.pipeline_class(**{name: getattr(self, name) for name in names}, **self.absent, **self.unused)

    def component_configs(self) -> dict[str, dict[str, Any]]:
        parts = {self.trained_name: self.trained, **self.encoder_configs, "scheduler": self.scheduler}
        return {name: _plain(each) for name, each in parts.items()}

    def encoder_identity(self) -> dict[str, dict[str, Any]]:
        folder, configs = self._folder(), self.component_configs()
        identity = {
            name: {**configs[name], "weights": weights_fingerprint(model_class, folder, name, self.seed)}
            for name, model_class in self.encoder_classes.items()
        }
        tokenizers = {name: _vocabulary(getattr(self, name)) for name in self.tokenizer_names}
        # For people alone. The folder of a hub id is named by its revision.
        return {**identity, **tokenizers, "origin": {"_source": self.source, "_folder": folder.name}}

    def require_encoders(self, purpose: str) -> None:
        """Check that the encoders are there.

        Raises:
            ValueError: When they were left out.
        """
        if not self.encoders:
            raise ValueError(
                f"Expected VAE and text encoders {purpose}, got a model without them (`encoders: false`). "
                "Set --model.backbone.init_args.encoders=true; any checkpoint of this run fits both. "
                "To train without them, set --data.cache to what `shards cache` made."
            )


def _source(pretrained: str | None, config: str | None) -> str:
    if (pretrained is None) == (config is None):
        raise ValueError(
            "Expected exactly one of `pretrained` (a diffusers folder or hub id) and `config` (a folder of component "
            f"configs), got pretrained={pretrained!r} and config={config!r}. Set the other to null."
        )
    return str(pretrained or config)


def _plain(config: Any) -> dict[str, Any]:
    if hasattr(config, "to_json_string"):
        return json.loads(config.to_json_string())
    # That of diffusers' models is a dict.
    return json.loads(json.dumps({key: value for key, value in config.items() if not key.startswith("_")}))


def _vocabulary(tokenizer: Any) -> dict[str, Any]:
    return {"vocabulary": table_fingerprint(tokenizer.get_vocab()), "length": tokenizer.model_max_length}
