"""Images that somebody drew of a benchmark's prompts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from lightning_compose.evaluation.prompts import BenchmarkPrompt

MANIFEST = "manifest.jsonl"
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
SHOWN = 3


def find_images(folder: Path, prompts: Sequence[BenchmarkPrompt]) -> list[Path]:
    """Return the image file of each prompt.

    Args:
        folder: As `predict` writes it, with its ``manifest.jsonl``: an image goes by its prompt and its seed. Without
            one, files by number: ``0.png`` or ``00000.png`` is that of the first prompt.
        prompts: All of them have an image; other images are left alone.

    Raises:
        FileNotFoundError: When the folder or an image is missing.
        ValueError: When the manifest is none.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"Expected a folder of images, found no folder '{folder}'. Check the path.")
    by_prompt = (folder / MANIFEST).is_file()
    known = _by_prompt(folder) if by_prompt else _by_number(folder)
    keys = [(each.prompt, each.seed) if by_prompt else index for index, each in enumerate(prompts)]
    missing = [key for key in keys if key not in known]
    if missing:
        raise FileNotFoundError(
            f"Expected an image of each of {len(prompts)} prompts in '{folder}', found none of {len(missing)}, such as "
            f"{missing[:SHOWN]}. Draw them: predict --prompts FILE --out '{folder}'."
        )
    return [known[key] for key in keys]


def _by_prompt(folder: Path) -> dict[object, Path]:
    lines = (folder / MANIFEST).read_text(encoding="utf-8").splitlines()
    try:
        rows = [json.loads(line) for line in lines if line.strip()]
        return {(row["prompt"], row["seed"]): folder / row["file"] for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"Expected '{folder / MANIFEST}' to be a manifest as predict writes it, got {error!r}."
        ) from error


def _by_number(folder: Path) -> dict[object, Path]:
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES and path.stem.isdecimal()]
    return {int(path.stem): path for path in files}
