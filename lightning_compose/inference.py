"""Generate images from a trained module, and export it as a diffusers folder.

Both go through diffusers' own pipeline, so an image is the same from `predict` and from the exported folder,
as long as that gets the same settings (Stable Diffusion 3: `max_sequence_length`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Literal

import torch
from lightning.pytorch.utilities.rank_zero import rank_zero_info
from PIL import Image
from tqdm import tqdm
from transformers import PreTrainedModel

from lightning_compose.backbones.base import Backbone
from lightning_compose.callbacks.ema import Weights, saved_average
from lightning_compose.module import ComposeModule

MANIFEST = "manifest.jsonl"


@dataclass(frozen=True)
class Prompt:
    """A text and the seed of its image, in [0, 2**64).

    Args:
        text: What is drawn.
        seed: Of its image.
        others: What else is known of it, such as a benchmark's category: it goes into the manifest as it is.

    Raises:
        ValueError: When the seed is out of its range.
    """

    text: str
    seed: int
    others: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**64:
            raise ValueError(f"Expected the seed of {self.text!r} to be in [0, 2**64), got {self.seed}.")


def predict(
    module: ComposeModule,
    prompts: str,
    out: str,
    num_inference_steps: int = 50,
    guidance_scale: float = 7.5,
    height_px: int | None = None,
    width_px: int | None = None,
    batch_size: int = 4,
    seed: int = 0,
    device: str = "auto",
) -> None:
    """Generate one image a prompt into `out`, with a ``manifest.jsonl`` that says how each was made.

    Args:
        module: Its backbone's current weights are used.
        prompts: A text file, one prompt a line; or a .jsonl file, one object a line with a prompt and perhaps a seed;
            its other keys go into the manifest.
        out: Folder of the PNG files and the manifest.
        num_inference_steps: Denoising steps an image.
        guidance_scale: Of classifier-free guidance; 1 = none.
        height_px: Of the images; None = the size the model was made for.
        width_px: Likewise.
        batch_size: Images at once. Each has its own seed: it does not depend on the others of its batch.
        seed: The i-th prompt without a seed of its own gets seed + i.
        device: Such as cuda or cpu; auto = the GPU where there is one.

    Raises:
        FileNotFoundError: When the file of prompts is missing.
        ValueError: When it holds no prompts or a broken line.
    """
    requests = read_prompts(Path(prompts), seed)
    module.to(_device(device))
    settings: dict[str, Any] = {"num_inference_steps": num_inference_steps, "guidance_scale": guidance_scale}
    images = generate(
        module.backbone, requests, height_px=height_px, width_px=width_px, batch_size=batch_size, **settings
    )
    _write_images(Path(out), requests, images, settings)


def export(module: ComposeModule, out: str, dtype: Literal["float32", "float16", "bfloat16"] = "float32") -> None:
    """Write the module's pipeline as a diffusers folder.

    Args:
        module: Its backbone's current weights are written.
        out: The folder, for diffusers' pipeline of this model or for ``model.backbone.pretrained``. From one without T5
            diffusers reads with ``from_pretrained(out, text_encoder_3=None, tokenizer_3=None)``.
        dtype: Of the files' weights, and of the module's from now on. diffusers reads each as float32, unless told.
    """
    with _evaluating(module.backbone):
        pipeline = module.backbone.pipeline().to(dtype=getattr(torch, dtype))
        pipeline.save_pretrained(out)
    _read_text_encoders_as_float32(pipeline, Path(out))
    print(f"Wrote a diffusers folder to {out}")


def _read_text_encoders_as_float32(pipeline: Any, folder: Path) -> None:
    # diffusers loads its own parts so, whatever their files hold; transformers in the type that the config names.
    for name, part in pipeline.components.items():
        if isinstance(part, PreTrainedModel):
            part.config.dtype = torch.float32
            part.config.save_pretrained(folder / name)


def generate(
    backbone: Backbone,
    prompts: Sequence[Prompt],
    num_inference_steps: int = 50,
    guidance_scale: float = 7.5,
    height_px: int | None = None,
    width_px: int | None = None,
    batch_size: int = 4,
) -> Iterator[Image.Image]:
    """Yield one image a prompt, in order, with the backbone in evaluation mode meanwhile.

    Each prompt's noise comes from its own generator on the CPU: independent of the batch, the device and the global
    random generators.

    Raises:
        ValueError: When a number is below 1.
    """
    for name, value in {"batch_size": batch_size, "num_inference_steps": num_inference_steps}.items():
        if value < 1:
            raise ValueError(f"Expected `{name}` to be at least 1, got {value}.")
    settings = {"num_inference_steps": num_inference_steps, "guidance_scale": guidance_scale}
    return _generate(backbone, prompts, batch_size, height=height_px, width=width_px, **settings)


def _generate(backbone: Backbone, prompts: Sequence[Prompt], batch_size: int, **settings: Any) -> Iterator[Image.Image]:
    pipeline: Any = backbone.pipeline()
    pipeline.set_progress_bar_config(disable=True)
    for start in range(0, len(prompts), batch_size):
        batch = prompts[start : start + batch_size]
        with _evaluating(backbone):
            result = pipeline(
                [prompt.text for prompt in batch],
                generator=[torch.Generator().manual_seed(prompt.seed) for prompt in batch],
                **backbone.sampling_settings,
                **settings,
            )
        yield from result.images


def load_weights(module: ComposeModule, checkpoint_file: Path, weights: Weights | None = None) -> None:
    """Load what was trained from a checkpoint into `module`.

    Args:
        module: Of the configuration that the checkpoint was trained with.
        checkpoint_file: As fit writes it.
        weights: Which; see `choose_weights`.

    Raises:
        ValueError: When the file is no checkpoint of such a module, or has no average and that is asked for.
    """
    checkpoint = read_checkpoint(checkpoint_file)
    chosen = choose_weights(checkpoint, weights, checkpoint_file)
    try:
        if chosen == "average":
            checkpoint["state_dict"].update(saved_average(checkpoint))
        module.on_load_checkpoint(checkpoint)
        module.load_state_dict(checkpoint["state_dict"])
    except (KeyError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"Expected '{checkpoint_file}' to be a checkpoint of the model in the config, got {error!r}. Give the "
            "config that it was trained with."
        ) from error


def choose_weights(checkpoint: Mapping[str, Any], weights: Weights | None, file: Path | None) -> Weights:
    """Return which weights of a checkpoint to use, and say so where it holds both kinds.

    Args:
        checkpoint: Its content; empty = none is given.
        weights: ``average`` over the steps (see `EMA`), ``trained`` = those of the last step; None = the average where
            there is one.
        file: Of the checkpoint.

    Raises:
        ValueError: When the average is asked for where there is none.
    """
    has_average = bool(saved_average(checkpoint))
    if weights == "average" and not has_average:
        raise ValueError(
            f"Expected averaged weights, because of --weights average, got none in {file or 'the pretrained model'}. "
            "Leave --weights out; fit averages with --ema.decay 0.9999, for one."
        )
    chosen = weights or ("average" if has_average else "trained")
    if has_average:
        rank_zero_info(
            f"Using the averaged weights of {file}; --weights trained takes those of the last step."
            if chosen == "average"
            else f"Using the weights of the last step of {file}; --weights average takes the average over the steps."
        )
    return chosen


def read_checkpoint(file: Path) -> dict[str, Any]:
    """Open a checkpoint; its tensors are read from the file only when they are used.

    Raises:
        ValueError: When it is damaged, cut short, or would run code when loaded.
    """
    try:
        checkpoint = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except (FileNotFoundError, PermissionError):
        raise
    # Which one depends on where the file ends.
    except (RuntimeError, UnpicklingError, EOFError, OSError) as error:
        raise ValueError(
            f"Expected a checkpoint as fit writes it, of plain tensors and numbers, got the file '{file}', which is "
            "damaged, cut short, or would run code when loaded. Take another."
        ) from error
    if not isinstance(checkpoint, dict):
        raise ValueError(f"Expected '{file}' to be a checkpoint as fit writes it, got a {type(checkpoint).__name__}.")
    return checkpoint


def read_prompts(file: Path, seed: int = 0) -> list[Prompt]:
    """Read prompts: lines of text, or of JSON objects when the name ends in .jsonl.

    Args:
        file: Empty lines are skipped.
        seed: The i-th prompt without a seed of its own gets seed + i.

    Raises:
        FileNotFoundError: When the file is missing.
        ValueError: When it is no UTF-8, holds no prompt, or a line is no object with a ``prompt``; names the line.
    """
    if not file.is_file():
        raise FileNotFoundError(f"Expected --prompts to name a text or .jsonl file, found no file '{file}'.")
    lines = [(number, line.strip()) for number, line in enumerate(_text(file).splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line]
    if not lines:
        raise ValueError(f"Expected at least one prompt in '{file}', got an empty file.")
    if file.suffix != ".jsonl":
        return [Prompt(line, seed + index) for index, (_, line) in enumerate(lines)]
    return [_json_prompt(line, seed + index, f"{file}:{number}") for index, (number, line) in enumerate(lines)]


def _text(file: Path) -> str:
    try:
        # Windows' editors mark UTF-8 at the start of the file.
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"Expected '{file}' to be text in UTF-8, got {error}. Save it as UTF-8.") from error


def _json_prompt(line: str, default_seed: int, place: str) -> Prompt:
    try:
        row = json.loads(line)
        text, seed = row["prompt"], row.get("seed", default_seed)
        if isinstance(text, str) and type(seed) is int:
            return Prompt(text, seed, {key: value for key, value in row.items() if key not in ("prompt", "seed")})
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise ValueError(
        f"Expected line {place} to be a JSON object with a text `prompt` and perhaps an integer `seed` in [0, 2**64), "
        f"got {line}"
    )


def _write_images(
    folder: Path, prompts: Sequence[Prompt], images: Iterator[Image.Image], settings: dict[str, Any]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shown = tqdm(images, "predict", len(prompts), unit="image")
    with (folder / MANIFEST).open("w", encoding="utf-8") as manifest:
        for index, (prompt, image) in enumerate(zip(prompts, shown, strict=True)):
            file = f"{index:05d}.png"
            image.save(folder / file)
            row = {**prompt.others, "file": file, "prompt": prompt.text, "seed": prompt.seed, **settings}
            row |= {"height_px": image.height, "width_px": image.width}
            manifest.write(json.dumps(row, ensure_ascii=False) + "\n")


@contextmanager
def _evaluating(backbone: Backbone) -> Iterator[None]:
    training = backbone.training
    backbone.eval()
    try:
        yield
    finally:
        backbone.train(training)


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)
