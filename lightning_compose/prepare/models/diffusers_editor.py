"""Editing by a diffusers pipeline: InstructPix2Pix, with its own or MagicBrush's weights, or a later one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PIL.Image import Image, Resampling

from lightning_compose.arguments import require_at_least
from lightning_compose.prepare.models.editor import Editor
from lightning_compose.prepare.models.weights_name import weights_name


class DiffusersEditor(Editor):
    """Edit images by a pipeline that takes an image and an instruction.

    Args:
        pretrained: Folder or hub id of the pipeline.
        device: Such as ``"cuda"``.
        dtype: Of the weights, such as ``"bfloat16"``.
        batch_size: Images that are edited at once.
        options: What else the pipeline is called with, such as ``image_guidance_scale``.
        name: For the rows and the dataset card; None = the hub id, or the folder's name.
    """

    def __init__(
        self,
        pretrained: str = "timbrooks/instruct-pix2pix",
        device: str = "cpu",
        dtype: str = "float32",
        batch_size: int = 4,
        options: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        import torch
        from diffusers import DiffusionPipeline

        require_at_least(1, batch_size=batch_size)
        self.name = weights_name(pretrained, name)
        self._pipeline = DiffusionPipeline.from_pretrained(pretrained, dtype=getattr(torch, dtype)).to(device)
        self._pipeline.set_progress_bar_config(disable=True)
        self._batch_size = batch_size
        self._options = dict(options or {})

    def edit(self, images: Sequence[Image], instructions: Sequence[str], seeds: Sequence[int]) -> list[Image]:
        """Return an edited image each, of its size."""
        edited: list[Image] = []
        for start in range(0, len(images), self._batch_size):
            part = slice(start, start + self._batch_size)
            edited += self._edit(images[part], instructions[part], seeds[part])
        return edited

    def _edit(self, images: Sequence[Image], instructions: Sequence[str], seeds: Sequence[int]) -> list[Image]:
        import torch

        # Noise from the CPU: the same on every device.
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        rgb = [each.convert("RGB") for each in images]
        found = self._pipeline(prompt=list(instructions), image=rgb, generator=generators, **self._options).images
        return [_sized(new, old) for new, old in zip(found, images, strict=True)]


def _sized(image: Image, like: Image) -> Image:
    return image if image.size == like.size else image.resize(like.size, Resampling.LANCZOS)
