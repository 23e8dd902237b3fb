r"""Train the embedded world's CLIP on its renders and their noisy captions.

    python -m lightning_compose.shapes.pretraining.clip --out runs/clip --steps 600 --seed 1

Its text tower, frozen, conditions the shipped U-Net, as in Stable Diffusion; its image tower judges images. Every
scene is seen once: step t draws scenes t * batch_size and on. Started again, it goes on from its checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import (
    AutoConfig,
    CLIPConfig,
    CLIPModel,
    CLIPTextModel,
    CLIPTokenizer,
    CLIPVisionConfig,
)

from lightning_compose.shapes.caption_noise import WEB_NOISE, CaptionNoise
from lightning_compose.shapes.noisy import draw_noisy
from lightning_compose.shapes.pretraining.renders import to_pixels
from lightning_compose.shapes.pretraining.run import Run, Settings, read_settings
from lightning_compose.shapes.render import render

ASSETS = Path(__file__).parents[2] / "assets" / "shapes"
HELD_OUT_FIRST = 2**40  # scenes that no training reaches


@dataclass(frozen=True)
class Recipe(Settings):
    """The settings of one training run; each caption of a batch has all other images for negatives.

    Args:
        held_out: Images and captions to measure on.
    """

    seed: int = 1
    batch_size: int = 128
    learning_rate: float = 3e-3
    warmup_steps: int = 30
    log_interval_steps: int = 50
    held_out: int = 256


def main(argv: Sequence[str] | None = None) -> None:
    """Train as the command line says."""
    train(read_settings(Recipe, "Train the embedded world's CLIP on renders and noisy captions.", argv))


def train(recipe: Recipe) -> CLIPModel:
    """Train to the end, write ``clip/`` and ``text_encoder/``, and return the model."""
    run = ClipRun(recipe)
    run.train()
    publish(run.model, recipe.out)
    return run.model


class ClipRun(Run):
    """A run on images and their captions."""

    settings: Recipe
    model: CLIPModel

    def __init__(self, recipe: Recipe) -> None:
        model = build_clip(recipe.seed)
        super().__init__(recipe, model, parameter_groups(model))
        self.tokenizer = load_tokenizer()

    def losses(self, step: int) -> dict[str, Tensor]:
        recipe = self.settings
        batch = captioned_batch(self.tokenizer, recipe.seed, step * recipe.batch_size, recipe.batch_size)
        return {"loss": self.model(**batch, return_loss=True).loss}

    def measure(self, losses: dict[str, float]) -> dict[str, float]:
        return losses | evaluate(self.model, self.tokenizer, self.settings.seed, self.settings.held_out)


def build_clip(seed: int) -> CLIPModel:
    """Build the untrained CLIP: the embedded world's text encoder, and a small vision transformer of 8 px patches."""
    # Its place on this machine is nobody's business.
    text = AutoConfig.from_pretrained(ASSETS / "text_encoder").to_dict() | {"_name_or_path": ""}
    vision = CLIPVisionConfig(
        image_size=64, patch_size=8, hidden_size=128, intermediate_size=512, num_hidden_layers=4, num_attention_heads=4
    )
    config = CLIPConfig(text_config=text, vision_config=vision.to_dict(), projection_dim=128)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return CLIPModel(config).train()


def load_tokenizer() -> CLIPTokenizer:
    """Return the embedded world's tokenizer."""
    return CLIPTokenizer.from_pretrained(ASSETS / "tokenizer")


def parameter_groups(model: CLIPModel) -> list[dict[str, Any]]:
    """Part embeddings, which are tables of vectors, from matrices, which Muon orthogonalises."""
    tables = [each for name, each in model.named_parameters() if "embedding" in name]
    others = [each for name, each in model.named_parameters() if "embedding" not in name]
    return [{"params": others}, {"params": tables, "muon": False}]


def captioned_batch(
    tokenizer: CLIPTokenizer, seed: int, first: int, count: int, noise: CaptionNoise = WEB_NOISE
) -> dict[str, Tensor]:
    """Draw scenes `first` to `first + count` with noisy captions.

    Returns:
        ``pixel_values`` float32 [b, 3, h, w] in [-1, 1] and ``input_ids`` [b, tokens].
    """
    drawn = [draw_noisy(seed, index, noise) for index in range(first, first + count)]
    tokens = tokenizer([each.caption.text for each in drawn], padding=True, return_tensors="pt").input_ids
    return {"pixel_values": to_pixels([render(each.scene) for each in drawn]), "input_ids": tokens}


@torch.no_grad()
def evaluate(model: CLIPModel, tokenizer: CLIPTokenizer, seed: int, count: int) -> dict[str, float]:
    """Measure on scenes that never trained: the loss, and how often a caption finds its image among `count`."""
    model.eval()
    output = model(**captioned_batch(tokenizer, seed, HELD_OUT_FIRST, count), return_loss=True)
    model.train()
    found = output.logits_per_text.argmax(dim=1) == torch.arange(count)
    return {"held_out_loss": output.loss.item(), "held_out_recall_at_1": found.float().mean().item()}


def publish(model: CLIPModel, out: Path) -> None:
    """Write ``clip/``, both towers and the tokenizer, in float16, and ``text_encoder/`` with the same numbers.

    The latter's file is of float32: where nobody says how, diffusers loads a text encoder in the type of its file, and
    a U-Net in float32.
    """
    published = build_clip(seed=0)
    published.load_state_dict(model.state_dict())
    published.half().save_pretrained(out / "clip")
    load_tokenizer().save_pretrained(out / "clip")
    text_encoder = CLIPTextModel(published.text_model.config).float()
    text_encoder.load_state_dict(published.text_model.state_dict())
    text_encoder.save_pretrained(out / "text_encoder")


if __name__ == "__main__":
    main()
