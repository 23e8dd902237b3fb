"""What the training step asks of a diffusion model; all that differs between models lies behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from lightning_compose.layers import select_attention, select_blocks
from lightning_compose.needs import Needs
from lightning_compose.step import Prediction, Text, Tokens
from lightning_compose.text_parts import TextPart, whole_text

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

    from lightning_compose.data.schema import Noun

NEEDS_NOTHING = Needs()


class Backbone(nn.Module, ABC):
    """A text-to-image diffusion model: frozen encoders around one trained denoiser.

    Complete at the end of ``__init__``, so that the losses' heads can read its widths. A subclass registers its
    components as submodules and names the trained one in `trained_name`; all others are frozen.
    """

    trained_name: str
    # Share of captions in [0, 1) that each text encoder drops by itself in training, for models with several.
    encoder_dropout: float = 0.0
    # Whether images and captions can be encoded; otherwise they come from a feature cache.
    encoders: bool = True

    @property
    def trained(self) -> nn.Module:
        """The denoiser, the only component that is trained."""
        return self.get_submodule(self.trained_name)

    def frozen(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield name and module of every frozen component."""
        return ((name, module) for name, module in self.named_children() if name != self.trained_name)

    def freeze(self) -> None:
        """Fix what is not trained; to be called once all components are registered."""
        for _, module in self.frozen():
            module.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> Backbone:
        """Switch the trained component's mode; the frozen ones stay in evaluation mode."""
        super().train(mode)
        for _, module in self.frozen():
            module.eval()
        return self

    @property
    @abstractmethod
    def latent_channels(self) -> int:
        """Channels c of the latents and of the prediction."""

    @property
    @abstractmethod
    def pooled_width(self) -> int:
        """Width p of `Text.pooled`."""

    @property
    def text_encoders(self) -> Mapping[str, TextPart]:
        """Text encoders by name, each with its part of an encoded caption."""
        return {"text_encoder": whole_text()}

    @property
    @abstractmethod
    def attention_layers(self) -> Mapping[str, str]:
        """Layers that attend to the text, in the model's order, each with its share of the latent's side: "1/4"."""

    @property
    @abstractmethod
    def default_attention(self) -> tuple[str, ...]:
        """Selectors of the layers whose attention is supervised unless others are named."""

    @property
    @abstractmethod
    def feature_layers(self) -> Mapping[str, int]:
        """Blocks whose output can be read, in the model's order, each with its channels."""

    @property
    @abstractmethod
    def default_features(self) -> tuple[str, ...]:
        """Names of the blocks whose output a loss reads unless others are named."""

    def resolve(self, needs: Needs) -> Needs:
        """Replace selectors by the names of the layers that they select, in the model's order.

        An attention layer is selected by its name ("up_1.0"), by the start of it ("up_1", "up", "mid"), by "default",
        or, among the default layers, by its resolution ("1/4"); a feature by its name, the start of it, or "default".

        Raises:
            ValueError: When a selector selects nothing; lists what it could be.
        """
        attention = select_attention(needs.attention, self.attention_layers, self.default_attention)
        features = select_blocks(needs.features, self.feature_layers, self.default_features)
        return Needs(attention, features, needs.negatives)

    @abstractmethod
    def tokenize(self, captions: Sequence[str], nouns: Sequence[Sequence[Noun]], max_nouns: int) -> Tokens:
        """Return token ids ``[b, i]`` and each noun's text tokens ``[b, max_nouns, l]``, on the CPU."""

    @abstractmethod
    def encode_text(self, tokens: Tokens) -> Text:
        """Return the encoded captions.

        Raises:
            ValueError: When the encoders were left out.
        """

    def text_fields(self, text: Text) -> dict[str, Tensor]:
        """Return encoded captions by their fields, each ``[b, ...]``: what a feature cache keeps of them."""
        return {"sequence": text.sequence, "pooled": text.pooled}

    def text(self, fields: Mapping[str, Tensor]) -> Text:
        """Return the encoded captions of which `text_fields` returned these."""
        return Text(**fields)

    @abstractmethod
    def latent_shape(self, height_px: int, width_px: int) -> tuple[int, int, int]:
        """Return the latent's ``(c, h, w)`` for an image size.

        Raises:
            ValueError: When the model cannot take this size.
        """

    @abstractmethod
    def image_moments(self, images: Tensor) -> Tensor:
        """Return mean and standard deviation of the images' latents, one after the other, ``[b, 2c, h, w]``.

        Args:
            images: ``[b, 3, h_px, w_px]`` in ``[-1, 1]``.

        Raises:
            ValueError: When the encoders were left out.
        """

    @abstractmethod
    def sample_latents(self, moments: Tensor, noise: Tensor) -> Tensor:
        """Return scaled latents ``[b, c, h, w]``.

        Args:
            moments: ``[b, 2c, h, w]``, as `image_moments` returned them.
            noise: Standard normal ``[b, c, h, w]``.
        """

    def encode_images(self, images: Tensor, noise: Tensor) -> Tensor:
        """Return scaled latents ``[b, c, h, w]`` of images, both as above."""
        return self.sample_latents(self.image_moments(images), noise)

    @abstractmethod
    def timesteps(self, uniform: Tensor) -> Tensor:
        """Map uniform draws ``[b]`` in ``[0, 1)`` to timesteps ``[b]`` of the model's training distribution."""

    @abstractmethod
    def add_noise(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Return the noisy latents ``[b, c, h, w]``."""

    @abstractmethod
    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Return what the denoiser should predict, ``[b, c, h, w]``."""

    @abstractmethod
    def denoise(
        self,
        noisy: Tensor,
        timesteps: Tensor,
        text: Text,
        needs: Needs = NEEDS_NOTHING,
        noisy_negative: Tensor | None = None,
        readout: Tensor | None = None,
    ) -> Prediction:
        """Return the denoiser's prediction, and what was asked of its inside.

        Args:
            noisy: The positives, ``[b, c, h, w]``.
            timesteps: ``[b]``.
            text: What conditions the positives, and their negatives too.
            needs: What to read, as `resolve` returned it.
            noisy_negative: The negatives ``[b, c, h, w]``, which go no further than their features; None = none.
            readout: Per text token, its share in each column of `Prediction.maps`, ``[b, l, columns]``: one-hot for the
                attention to one token. Needed when `needs` names attention layers.

        Raises:
            ValueError: When attention is asked for without a readout.
        """

    @abstractmethod
    def pipeline(self) -> DiffusionPipeline:
        """Return diffusers' pipeline around these very weights, to sample from or to save."""

    @property
    def sampling_settings(self) -> Mapping[str, Any]:
        """Arguments of the pipeline's call in which sampling has to be like training."""
        return {}

    @property
    def loading_settings(self) -> Mapping[str, Any]:
        """Arguments without which the pipeline's `from_pretrained` refuses an exported folder."""
        return {}

    def how_to_reload(self, folder: str, drawing: Mapping[str, Any]) -> str:
        """Return the lines of Python that draw from an exported folder as here; empty where diffusers does by itself.

        Args:
            folder: The pipeline was saved to.
            drawing: Arguments of the pipeline's call with which images are drawn here.
        """
        pipeline: Any = self.pipeline()
        usual = signature(pipeline.__call__).parameters
        wanted = {**self.sampling_settings, **drawing}
        drawing = {name: value for name, value in wanted.items() if value != usual[name].default}
        if not self.loading_settings and not drawing:
            return ""
        load = _arguments(folder, self.loading_settings)
        return f"pipeline = {type(pipeline).__name__}.from_pretrained({load})\npipeline({_arguments('...', drawing)})"

    @abstractmethod
    def encoder_identity(self) -> dict[str, dict[str, Any]]:
        """Return what the features of images and captions depend on, as plain types, by component.

        The same whether the encoders are there or were left out. A feature cache is named by it.
        """

    @abstractmethod
    def component_configs(self) -> dict[str, dict[str, Any]]:
        """Return each component's configuration as plain types, for the checkpoint."""


def _arguments(first: str, others: Mapping[str, Any]) -> str:
    return ", ".join([repr(first), *(f"{name}={value!r}" for name, value in others.items())])
