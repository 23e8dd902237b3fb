"""The command line: ``python -m lightning_compose``.

Nothing here imports torch until a command needs a model.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightning_compose.cli.errors import EXIT_CODE, closest, one_line_errors
from lightning_compose.cli.quiet import quiet

if TYPE_CHECKING:
    from lightning.pytorch import LightningDataModule, LightningModule

__all__ = ["main"]

PROG = "python -m lightning_compose"
COMMANDS = {
    "fit": "train a model, or go on from a checkpoint",
    "validate": "measure the loss on the validation split, and composition where `evaluation` is on",
    "test": "measure the loss on the test set, and composition where `evaluation` is on",
    "predict": "generate images from a file of prompts",
    "export": "write a diffusers folder that StableDiffusionPipeline.from_pretrained reads",
    "score": "judge images that are drawn already, without a model",
    "compare": "compare the scores of two evaluations",
    "study": "train and measure arms times seeds, and write a page of results",
    "prepare": "make pairs: prompts, images, a judge's choice among them, shards",
    "shapes": "render shards of the embedded world, and write its benchmark's prompts",
    "shards": "index, show or pack shards",
}
EXAMPLES = (
    f"{PROG} fit --config configs/shapes.yaml",
    f"{PROG} predict --config configs/shapes.yaml --ckpt_path last --prompts prompts.txt --out images",
)


def main(
    argv: Sequence[str] | None = None,
    module_class: type[LightningModule] | None = None,
    datamodule_class: type[LightningDataModule] | None = None,
) -> None:
    """Run one command.

    Args:
        argv: The arguments after the program's name; None = those of the process.
        module_class: What to train; None = `ComposeModule`.
        datamodule_class: What to train it on; None = `ConPairDataModule`.

    A script that trains a subclass is two lines::

        from lightning_compose.cli import main
        main(module_class=MyModule)
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = arguments[0] if arguments else "--help"
    if command in ("-h", "--help"):
        print(_overview())
    elif command not in COMMANDS:
        _refuse(command)
    else:
        with one_line_errors(f"{PROG} {command}"), quiet():
            _run(command, arguments[1:], module_class, datamodule_class)


def _run(
    command: str,
    arguments: list[str],
    module_class: type[LightningModule] | None,
    datamodule_class: type[LightningDataModule] | None,
) -> None:
    # Imported here and not above: most of these import torch, which takes seconds.
    if command == "shapes":
        from lightning_compose.shapes.commands import main as shapes

        shapes(arguments)
    elif command == "shards":
        from lightning_compose.data.commands import main as shards

        shards(arguments)
    elif command == "score":
        from lightning_compose.cli.score import run as run_score

        run_score(arguments)
    elif command == "compare":
        from lightning_compose.cli.compare import run as run_compare

        run_compare(arguments)
    elif command == "study":
        from lightning_compose.cli.study import run as run_study

        run_study(arguments)
    elif command == "prepare":
        from lightning_compose.cli.prepare import run as run_prepare

        run_prepare(arguments)
    elif command in ("predict", "export"):
        from lightning_compose.cli.generation import run as run_generation

        run_generation(command, arguments, module_class)
    else:
        from lightning_compose.cli.training import run as run_training

        run_training(command, arguments, module_class, datamodule_class)


def _overview() -> str:
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())
    examples = "\n".join(f"  {example}" for example in EXAMPLES)
    return f"usage: {PROG} COMMAND [--help] ...\n\ncommands:\n{commands}\n\nexamples:\n{examples}"


def _refuse(command: str) -> None:
    known = ", ".join(COMMANDS)
    print(
        f"error: Expected a command, got '{command}'.{closest(command, COMMANDS)} Known: {known}.",
        file=sys.stderr,
    )
    raise SystemExit(EXIT_CODE)
