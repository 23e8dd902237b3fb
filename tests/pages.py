"""Run what the pages tell a reader to run: unchanged, but for steps cut and tiny weights."""

import re
import runpy
import shlex
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from fenced_blocks import fenced_blocks
from PIL import Image

from lightning_compose.cli import main

ROOT = Path(__file__).parents[1]
TWO_STEPS = (
    "--trainer.max_steps 2 --pictures.num_inference_steps 1 --data.num_workers 0 "
    "--data.global_batch_size 4 --data.micro_batch_size 2"
)
SMALL = "--data.size_px 16 --trainer.precision 32-true"
TABLE = "positive,caption\n" + "".join(f"{n}.png,a red circle above {n} blue squares\n" for n in range(2, 42))


def enter_checkout(folder: Path, page: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make `folder` look like the repository's root to a reader who follows `page`, and go there."""
    for name in ("configs", "data_shards", "lightning_compose"):
        (folder / name).symlink_to(ROOT / name)
    write_images(page, folder)
    (folder / "prompts.txt").write_text("a red circle\na blue square\n")
    write_named_files(page, folder)
    monkeypatch.chdir(folder)
    # As `python -m` does.
    monkeypatch.syspath_prepend(folder)
    return folder


def write_images(page: Path, folder: Path) -> None:
    """Write `my_images.csv`, the page's own where it shows one, and the images that it names."""
    shown = [block for block in fenced_blocks(page, "text") if block.startswith("positive,caption")]
    table = shown[0] if shown else TABLE
    (folder / "my_images.csv").write_text(table)
    for index, file in enumerate(re.findall(r"\w+\.(?:jpg|png)", table), start=1):
        Image.fromarray(np.full((16, 16, 3), 6 * index, np.uint8)).save(folder / file)


def write_named_files(page: Path, folder: Path) -> None:
    """Write the page's blocks whose first line is a comment with a file's name."""
    for language in ("python", "yaml"):
        for block in fenced_blocks(page, language):
            if name := file_name(block):
                (folder / name).write_text(block)


def file_name(block: str) -> str | None:
    match = re.match(r"# (\w+\.(?:py|yaml))\n", block)
    return match and match[1]


def run_python(page: Path) -> None:
    """Run the page's Python blocks that are no files, in order, as one script."""
    source = "\n".join(block for block in fenced_blocks(page, "python") if not file_name(block))
    exec(compile(re.sub(r"max_steps=\d+", "max_steps=2", source), page.name, "exec"), {"__name__": "page"})


def run_command(command: str, pretrained: Path) -> None:
    """Run one command line of a page in this process.

    Args:
        command: Starts with ``python -m lightning_compose`` or ``python SCRIPT.py``.
        pretrained: A folder that takes the place of a hub id.
    """
    python, script, *arguments = shlex.split(command.replace("-m lightning_compose", "lightning_compose", 1))
    assert python == "python", f"Expected a command that starts with `python`, got {command!r}."
    arguments = [*arguments, *shlex.split(cut(command, pretrained))]
    if script == "lightning_compose":
        main(arguments)
        return
    with patch.object(sys, "argv", [script, *arguments]):
        runpy.run_path(script, run_name="__main__")


def cut(command: str, pretrained: Path) -> str:
    """Return the further arguments that make a command of a page quick."""
    added = []
    if " fit " in command:
        added.append(TWO_STEPS)
    if " predict " in command:
        added.append("--num_inference_steps 1")
    if " test " in command or " validate " in command:
        added.append("--trainer.limit_test_batches 1" if " test " in command else "--trainer.limit_val_batches 1")
        added.append("--evaluation.num_inference_steps 1 --evaluation.batch_size 3")
    if "shapes prompts" in command:
        added.append("--per_category 1")
    if "configs/sd21" in command:
        added.append(f"--model.backbone.init_args.pretrained {pretrained}")
    if "configs/sd21" in command and " fit " in command:
        added.append(SMALL)
    return " ".join(added)
