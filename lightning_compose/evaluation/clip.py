"""A CLIP from a folder, and images and prompts as it takes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn
from transformers import AutoTokenizer, CLIPModel

PREPROCESSING = "preprocessor_config.json"
BATCH_SIZE = 32


class Clip(nn.Module):
    """A frozen CLIP with its tokenizer and its preprocessing.

    Args:
        folder: Of a `CLIPModel` with its tokenizer, or its id on the hub's cache. Where it has no
            ``preprocessor_config.json``, pixels are scaled to [-1, 1].

    Raises:
        ValueError: When the folder is none of a CLIP.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, folder: str) -> None:
        super().__init__()
        if not (Path(folder) / "config.json").is_file():
            raise ValueError(f"Expected a folder with a CLIPModel, found no config.json in '{folder}'. Check the path.")
        self.model = CLIPModel.from_pretrained(folder, dtype=torch.float32).eval().requires_grad_(False)
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.size_px: int = self.model.config.vision_config.image_size
        mean, std = _normalisation(Path(folder))
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def pixels(self, images: Sequence[Image.Image]) -> Tensor:
        """Return normalised pixels float32 [b, 3, size, size], of a centre crop where an image is not square."""
        size = (self.size_px, self.size_px)
        fitted = [ImageOps.fit(each.convert("RGB"), size, Image.Resampling.BICUBIC) for each in images]
        stacked = torch.from_numpy(np.stack([np.asarray(each) for each in fitted])).to(self.model.device)
        return (stacked.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.std

    def tokens(self, prompts: Sequence[str]) -> Tensor:
        """Return token ids [b, length]; what is too long is cut off."""
        length = self.model.config.text_config.max_position_embeddings
        cut = {"padding": True, "truncation": True, "max_length": length, "return_tensors": "pt"}
        return self.tokenizer(list(prompts), **cut).input_ids.to(self.model.device)


def _normalisation(folder: Path) -> tuple[Tensor, Tensor]:
    file = folder / PREPROCESSING
    settings = json.loads(file.read_text()) if file.is_file() else {}
    mean, std = (settings.get(name, [0.5] * 3) for name in ("image_mean", "image_std"))
    return torch.tensor(mean).view(3, 1, 1), torch.tensor(std).view(3, 1, 1)
