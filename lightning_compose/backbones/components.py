"""Load a diffusers folder part by part, so that a part without weights gets random ones."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import ModelMixin
from torch import nn

WEIGHT_FILES = ("*.safetensors", "*.bin")
# One of a name such as model.fp16.safetensors is a variant, which is not loaded.
_LOADED = re.compile(r"\w+(-\d+-of-\d+)?\.(safetensors|bin)")
_FINGERPRINT_BLOCKS, _BLOCK_BYTES = 1024, 4096


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


def load_config(model_class: type[Any], folder: str | Path, name: str) -> Any:
    """Return the configuration that component `name` has when it is loaded, without its weights."""
    with torch.device("meta"):
        return _from_config(model_class, Path(folder) / name).config


def weights_fingerprint(model_class: type[Any], folder: str | Path, name: str, seed: int) -> str:
    """Return what tells the weights of component `name` from others, without holding them in memory.

    Of weight files the sizes and 1,024 evenly spread blocks enter: other weights differ nearly everywhere, and even
    the largest files take no second. Random weights are small; all of theirs enter.

    Args:
        model_class: A diffusers or transformers model class.
        folder: Holds ``{name}/config.json`` and, perhaps, the weights beside it.
        name: The component's folder.
        seed: Of random weights.
    """
    digest = hashlib.blake2b(digest_size=16)
    files = _loaded_files(Path(folder) / name)
    for file in files:
        _add_blocks(digest, file)
    if not files:
        for tensor in load_model(model_class, folder, name, seed).state_dict().values():
            digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def table_fingerprint(table: Mapping[str, int]) -> str:
    """Return what tells a tokenizer's vocabulary from others."""
    return hashlib.blake2b(json.dumps(sorted(table.items())).encode(), digest_size=16).hexdigest()


def _loaded_files(component: Path) -> list[Path]:
    for pattern in WEIGHT_FILES:
        files = sorted(file for file in component.glob(pattern) if _LOADED.fullmatch(file.name))
        if files:
            return files
    return []


def _add_blocks(digest: hashlib.blake2b, file: Path) -> None:
    size = file.stat().st_size
    digest.update(f"{file.name}/{size};".encode())
    with file.open("rb") as content:
        for place in range(_FINGERPRINT_BLOCKS):
            content.seek(size * place // _FINGERPRINT_BLOCKS)
            digest.update(content.read(_BLOCK_BYTES))


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
