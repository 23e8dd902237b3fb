"""A diffusers pipeline as painter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from PIL.Image import Image

from lightning_compose.arguments import require_at_least
from lightning_compose.prepare.models.painter import Painter
from lightning_compose.prepare.models.weights_name import weights_name


class DiffusersPainter(Painter):
    """Draws with any text-to-image pipeline that diffusers reads.

    Args:
        pretrained: A folder, or a hub id.
        num_inference_steps: Denoising steps an image.
        guidance_scale: Of classifier-free guidance; 1 = none.
        size_px: Of the images' sides; None = what the model was made for.
        batch_size: Images at once. Another one may change the last bits of an image.
        dtype: Of the weights.
        device: Such as cuda or cpu; auto = the GPU where there is one.
        name: For the rows and the dataset card; None = the hub id, or the folder's name.
    """

    def __init__(
        self,
        pretrained: str,
        num_inference_steps: int = 50,
        guidance_scale: float = 7.5,
        size_px: int | None = None,
        batch_size: int = 4,
        dtype: Literal["float32", "float16", "bfloat16"] = "float32",
        device: str = "auto",
        name: str | None = None,
    ) -> None:
        require_at_least(1, num_inference_steps=num_inference_steps, batch_size=batch_size)
        self.name = weights_name(pretrained, name)
        self._batch_size = batch_size
        self._settings: dict[str, Any] = {"num_inference_steps": num_inference_steps, "guidance_scale": guidance_scale}
        self._settings |= {"height": size_px, "width": size_px}
        self._pipeline = _load(pretrained, dtype, device)

    def paint(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image]:
        """Return an RGB image a prompt; each has its own noise, from the CPU."""
        starts = range(0, len(prompts), self._batch_size)
        batches = [slice(start, start + self._batch_size) for start in starts]
        return [image for each in batches for image in self._batch(prompts[each], seeds[each])]

    def _batch(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image]:
        import torch

        noise = [torch.Generator().manual_seed(seed) for seed in seeds]
        return self._pipeline(list(prompts), generator=noise, **self._settings).images


def _load(pretrained: str, dtype: str, device: str) -> Any:
    import torch
    from diffusers import AutoPipelineForText2Image

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    pipeline = AutoPipelineForText2Image.from_pretrained(pretrained, dtype=getattr(torch, dtype))
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)
