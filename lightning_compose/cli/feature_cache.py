"""`shards cache`: the encoders of a config over a whole set."""

from __future__ import annotations

import fcntl
import inspect
import json
from argparse import ArgumentError
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ActionConfigFile, ArgumentParser
from tqdm import tqdm

from lightning_compose import backbones
from lightning_compose.backbones import Backbone
from lightning_compose.cli import PROG
from lightning_compose.cli.config_files import read_command_line
from lightning_compose.cli.errors import explain
from lightning_compose.cli.quiet import quiet, without_loading_bars
from lightning_compose.cli.training import PARSER_MODE
from lightning_compose.data.bad_samples import OnBadSample
from lightning_compose.data.cache.encoding import Floats
from lightning_compose.data.cache.folder import LOCK, require_own_folder
from lightning_compose.data.cache.identity import cache_identity
from lightning_compose.data.cache.processes import write_all
from lightning_compose.data.cache.writer import CacheWriter
from lightning_compose.data.datamodule import ConPairDataModule
from lightning_compose.data.remote.limits import downloads_of
from lightning_compose.data.shards import ShardSet
from lightning_compose.data.transforms import Pixels

# Imported for its names: a config may then say `class_path: StableDiffusion` without the module.
__all__ = ["BackboneEncoder", "EncoderRecipe", "backbones", "run"]

KEYS = {"model": ("backbone",), "data": ("size_px", "on_bad_sample", "download_dir", "download_limit_gb")}


class BackboneEncoder:
    """A backbone's frozen encoders, in float32.

    Args:
        backbone: With its encoders.
        device: They are moved there; the denoiser stays where it is.
    """

    def __init__(self, backbone: Backbone, device: torch.device) -> None:
        self.backbone = backbone
        self.device = device
        for _, module in backbone.frozen():
            module.to(device)

    @torch.no_grad()
    def images(self, images: Pixels) -> Floats:
        pixels = torch.from_numpy(images).to(self.device).float() / 127.5 - 1
        return self.backbone.image_moments(pixels).float().cpu().numpy()

    @torch.no_grad()
    def captions(self, captions: Sequence[str]) -> dict[str, Floats]:
        tokens = self.backbone.tokenize(captions, [()] * len(captions), max_nouns=1)
        text = self.backbone.encode_text(tokens.to(self.device))
        return {name: each.float().cpu().numpy() for name, each in self.backbone.text_fields(text).items()}


@dataclass(frozen=True)
class EncoderRecipe:
    """How a process makes its encoder.

    Args:
        arguments: Of a command line: config files and flags of `model.backbone` and `data.size_px`.
        device: Such as cuda or cpu; auto = a GPU where there is one, process by process.
    """

    arguments: tuple[str, ...]
    device: str

    def __call__(self, process: int) -> BackboneEncoder:
        """Make the encoder of one process, counted from 0."""
        with quiet():
            return BackboneEncoder(_backbone(_settings(self.arguments)), _device(self.device, process))


def run(root: str, out: Path, arguments: Sequence[str], processes: int, batch_size: int, device: str) -> None:
    """Write the feature cache of a set, or complete one.

    Args:
        root: The set's folder or URL.
        out: The cache's folder.
        arguments: Config files and flags of a training.
        processes: That encode, each with a model of its own.
        batch_size: Samples that a process encodes at once.
        device: See `EncoderRecipe`.

    Raises:
        ValueError: When the folder is no cache, or holds features of another set or model.
    """
    settings, recipe = _settings(arguments), EncoderRecipe(tuple(arguments), device)
    downloads = downloads_of(settings.data.download_dir, settings.data.download_limit_gb)
    shards = ShardSet(root, downloads)
    # Before a lock is put there.
    require_own_folder(out, shards)
    writer = CacheWriter(shards, out, settings.data.size_px, batch_size, settings.data.on_bad_sample)
    with _alone(out):
        encoder = recipe(0)
        size_px = writer.size_px
        encoder.backbone.latent_shape(size_px, size_px)
        writer.begin(cache_identity(shards, size_px, encoder.backbone.encoder_identity()), encoder)
        todo = writer.missing()
        left = sum(shards.shards[number].samples for number in todo)
        with tqdm(total=len(shards), initial=len(shards) - left, unit="sample", desc="Caching") as bar:
            write_all(writer, todo, encoder, recipe, processes, bar.update)
        without = writer.finish()
    print(f"Cached the features of {len(shards) - without:,} samples in {out}.")
    if without:
        print(f"{without:,} bad samples have none: python -m lightning_compose shards check {root}")


def _settings(arguments: Sequence[str]) -> Any:
    line = read_command_line(arguments)
    content = {
        group: {key: line.config[group][key] for key in keys if key in line.config.get(group, {})}
        for group, keys in KEYS.items()
    }
    try:
        return _parser().parse_args([f"--config={json.dumps(content)}", *line.arguments])
    except ArgumentError as error:
        error.message = explain(error.message, _parser().get_defaults(skip_validation=True).keys())
        raise


def _parser() -> ArgumentParser:
    prog = f"{PROG} shards cache"
    parser = ArgumentParser(prog=prog, parser_mode=PARSER_MODE, exit_on_error=False, allow_abbrev=False)
    parser.add_argument("-c", "--config", action=ActionConfigFile, help="YAML files; those of the training.")
    parser.add_subclass_arguments(Backbone, "model.backbone", required=True)
    defaults = inspect.signature(ConPairDataModule).parameters
    types = (int, OnBadSample, str | None, float | None)
    for name, kind in zip(KEYS["data"], types, strict=True):
        parser.add_argument(f"--data.{name}", type=kind, default=defaults[name].default)
    return parser


def _backbone(settings: Any) -> Backbone:
    init_args = settings.model.backbone.init_args
    if "encoders" in init_args:
        init_args.encoders = True
    with without_loading_bars():
        return _parser().instantiate_classes(settings).model.backbone


def _device(name: str, process: int) -> torch.device:
    if name != "auto":
        return torch.device(name)
    gpus = torch.cuda.device_count()
    return torch.device("cuda", process % gpus) if gpus else torch.device("cpu")


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold the cache's folder; the kernel lets go of it when the process dies, however it dies."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / LOCK).open("a") as handle:
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BlockingIOError(
                f"Expected '{out}' to be free, got a folder that another process is filling. Wait for it."
            ) from error
        yield
