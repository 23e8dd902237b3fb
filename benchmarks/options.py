"""Images per second of the plain step with each option of the backbone."""

from __future__ import annotations

from typing import Any

from benchmarks.models import CachedInputs, CachedText
from lightning_compose.backbones import StableDiffusion

Option = tuple[type[StableDiffusion], dict[str, Any]]

BASELINE = "plain step, latents and text given"
OPTIONS: dict[str, Option] = {
    BASELINE: (CachedInputs, {}),
    "channels_last": (CachedInputs, {"channels_last": True}),
    "compile_blocks": (CachedInputs, {"compile_blocks": True}),
    "channels_last + compile_blocks": (CachedInputs, {"channels_last": True, "compile_blocks": True}),
    "gradient_checkpointing": (CachedInputs, {"gradient_checkpointing": True}),
    "images encoded in the step": (CachedText, {}),
}
