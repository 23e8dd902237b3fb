"""Load a diffusers folder part by part, so that a part without weights gets random ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import ModelMixin
from torch import nn

WEIGHT_FILES = ("*.safetensors", "*.bin")


def load_model(model_class: type[Any], folder: str | Path, name: str, seed: int) -> nn.Module:
    """Load component `name` of a diffusers folder in float32; without weight files there, initialise it at random.

    Args:
        model_class: A diffusers or transformers model class.
        folder: Holds ``{name}/config.json`` and, perhaps, the weights beside it.
        name: The component's folder, such as ``"unet"``.
        seed: Random weights depend on this and on `name` alone.

    Raises:
        FileNotFoundError: When the folder has no configuration of this component.
    """
    component = Path(folder) / name
    if not (component / "config.json").is_file():
        raise FileNotFoundError(
            f"Expected {component / 'config.json'} to describe the {name}, found no such file. "
            "Give a diffusers folder, as `save_pretrained` or `export` writes it."
        )
    if any(file for pattern in WEIGHT_FILES for file in component.glob(pattern)):
        return _from_weights(model_class, component)
    with seeded(f"{seed}/{name}"):
        return _from_config(model_class, component)


@contextmanager
def seeded(name: str) -> Iterator[None]:
    """Make torch's global draws inside depend on `name` alone, and leave the generator as it was."""
    digest = hashlib.blake2b(name.encode(), digest_size=4).digest()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int.from_bytes(digest, "little"))
        yield


def _from_weights(model_class: type[Any], component: Path) -> nn.Module:
    # Trained parts must be float32 whatever the file holds; loading with less memory would need accelerate.
    return model_class.from_pretrained(component, dtype=torch.float32, low_cpu_mem_usage=False)


def _from_config(model_class: type[Any], component: Path) -> nn.Module:
    if issubclass(model_class, ModelMixin):
        return model_class.from_config(model_class.load_config(component))
    return model_class(model_class.config_class.from_pretrained(component))
