"""predict and export: a model and its weights, without trainer and data."""

from __future__ import annotations

import json
from argparse import ArgumentError
from collections.abc import Callable, Sequence
from inspect import signature

from jsonargparse import ActionConfigFile, ArgumentParser
from lightning.pytorch import LightningModule

from lightning_compose import inference
from lightning_compose.backbones.base import Backbone
from lightning_compose.callbacks.ema import Weights
from lightning_compose.cli import PROG, run_folder
from lightning_compose.cli.config_files import read_command_line
from lightning_compose.cli.errors import explain
from lightning_compose.cli.quiet import without_loading_bars
from lightning_compose.cli.training import PARSER_MODE, WEIGHTS_HELP

FUNCTIONS: dict[str, Callable[..., None]] = {"predict": inference.predict, "export": inference.export}
# Arguments of `predict` that go to diffusers' pipeline, which may have other defaults.
DRAWING = ("num_inference_steps", "guidance_scale")
# Keys of a training config that mean nothing here; every other unknown key is an error.
TRAINING_KEYS = frozenset(
    {
        "seed_everything",
        "data",
        "losses",
        "trainer",
        "checkpoint",
        "pictures",
        "attention_maps",
        "reconstructions",
        "loss_curve",
        "ema",
        "evaluation",
        "flops",
        "curriculum",
    }
)


def run(command: str, arguments: Sequence[str], module_class: type[LightningModule] | None = None) -> None:
    """Run predict or export; see `lightning_compose.cli.main`."""
    from lightning_compose.module import ComposeModule

    line = read_command_line(arguments)
    parser = _parser(command, run_folder.default_run_dir(line.files), module_class or ComposeModule)
    options = parser.add_function_arguments(FUNCTIONS[command], skip={"module"}, as_group=False)
    content = {key: value for key, value in line.config.items() if key not in TRAINING_KEYS}
    try:
        config = parser.parse_args([f"--config={json.dumps(content)}", *line.arguments])
    except ArgumentError as error:
        error.message = explain(error.message, parser.get_defaults(skip_validation=True).keys())
        raise
    checkpoint = run_folder.require_checkpoint(config.ckpt_path, config.run_dir)
    if checkpoint is None:
        inference.choose_weights({}, config.weights, checkpoint)
    with without_loading_bars():
        module = parser.instantiate_classes(config).model
    if checkpoint is not None:
        inference.load_weights(module, checkpoint, config.weights)
    FUNCTIONS[command](module, **{name: config[name] for name in options})
    if command == "export":
        _print_how_to_reload(module.backbone, config.out)


def _print_how_to_reload(backbone: Backbone, folder: str) -> None:
    usual = signature(inference.predict).parameters
    lines = backbone.how_to_reload(folder, {name: usual[name].default for name in DRAWING})
    if lines:
        print(f"It is read back in diffusers, to draw as predict does, by\n{lines}")


def _parser(command: str, run_dir: str, module_class: type[LightningModule]) -> ArgumentParser:
    parser = ArgumentParser(prog=f"{PROG} {command}", parser_mode=PARSER_MODE, exit_on_error=False, allow_abbrev=False)
    parser.add_argument("-c", "--config", action=ActionConfigFile, help="YAML files; those of the training.")
    parser.add_class_arguments(module_class, "model", fail_untyped=False, sub_configs=True)
    parser.add_argument("--run_dir", type=str, default=run_dir, help="The run's folder, for --ckpt_path last.")
    parser.add_argument(
        "--ckpt_path", type=str | None, default=None, help="A checkpoint file, or last; null = the config's weights."
    )
    parser.add_argument("--weights", type=Weights | None, default=None, help=WEIGHTS_HELP)
    return parser
