"""Compute the peak memory of a training step of full-size models, without such a machine.

Run from the repository's root: ``python -m benchmarks.memory``. Writes docs/benchmarks/memory.csv and the tables of
docs/memory.md. With ``--device cuda`` the same steps are measured on that GPU too, as far as they fit.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from diffusers import DDPMScheduler
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.optim import AdamW
from transformers import PreTrainedModel

from benchmarks.full_size import build
from benchmarks.live_bytes import LiveBytes, autocast_as_on_cuda
from benchmarks.measure import peak_bytes
from benchmarks.report import machine
from benchmarks.variants import read_batch
from lightning_compose import ComposeModule
from lightning_compose.backbones import StableDiffusion
from lightning_compose.cli.quiet import quiet, without_loading_bars
from lightning_compose.data.batch import PairBatch
from lightning_compose.data.cache.features import CachedFeatures
from lightning_compose.documentation import Row, replace_block, write_csv
from lightning_compose.step import Text, Tokens

DOCS = Path(__file__).parents[1] / "docs"
GIBI, MEBI = 2**30, 2**20
CPU = torch.device("cpu")
# As small as the cache's float16, with which the CPU's autocast cannot concatenate.
HALF = torch.bfloat16
BATCH_SIZES = (1, 4)
PRECISIONS = {False: "float32", True: "bf16-mixed"}


@dataclass(frozen=True)
class Setting:
    """A training step: the whole denoiser is trained on its denoising loss.

    Args:
        model: A key of `full_size.FULL_SIZE`.
        size_px: Side of the images.
        batch_size: Images a step.
        bf16: Whether it is ``bf16-mixed``; otherwise float32.
        checkpointing: Whether activations are computed twice instead of kept.
        cached: Whether moments and text come from a feature cache, with no encoder in memory.
        t5: Whether Stable Diffusion 3 has T5.
    """

    model: str
    size_px: int
    batch_size: int = 1
    bf16: bool = False
    checkpointing: bool = False
    cached: bool = False
    t5: bool = False


@dataclass(frozen=True)
class Memory:
    """Bytes: of trained weights and AdamW's two moments, of frozen weights, and the most at once."""

    trained: int
    frozen: int
    peak: int


def computed(setting: Setting) -> Memory:
    """Run the step on fake tensors and count the bytes of all that are alive."""
    # On the meta device weights are never drawn, which takes long for large models.
    module = build_module(setting, torch.device("meta"))
    batch = read_inputs(setting, module)
    with FakeTensorMode(allow_non_fake_inputs=True), LiveBytes() as live, autocast_as_on_cuda():
        step, optimizer = _prepare(setting, _tied(module.to_empty(device=CPU)), batch)
        _make_moments(optimizer)
        live.restart()
        step()
        return Memory(_held_bytes(optimizer), _frozen_bytes(module), live.peak)


def _tied(module: ComposeModule) -> ComposeModule:
    # Leaving the meta device takes weights apart that were one.
    for _, encoder in module.backbone.frozen():
        if isinstance(encoder, PreTrainedModel):
            encoder.tie_weights()
    return module


def _make_moments(optimizer: AdamW) -> None:
    for each in optimizer.param_groups[0]["params"]:
        each.grad = torch.zeros_like(each)
    optimizer.step()
    optimizer.zero_grad()


def measured(setting: Setting, device: torch.device) -> Memory:
    """Run the step, with random weights, and let torch's allocator count."""
    gc.collect()
    with autocast_as_on_cuda() if device.type == "cpu" else nullcontext():
        return _measured(setting, device)


def _measured(setting: Setting, device: torch.device) -> Memory:
    module = build_module(setting).to(device)
    step, optimizer = _prepare(setting, module, read_inputs(setting, module).to(device))
    _make_moments(optimizer)
    held = _held_bytes(optimizer)
    there = held + _bytes(each for each in module.parameters() if not each.requires_grad) + _bytes(module.buffers())
    return Memory(held, _frozen_bytes(module), peak_bytes(step, device, there))


def _held_bytes(optimizer: AdamW) -> int:
    states = (each for state in optimizer.state.values() for each in state.values())
    return _bytes(optimizer.param_groups[0]["params"]) + _bytes(states)


def _frozen_bytes(module: ComposeModule) -> int:
    return sum(_bytes([*each.parameters(), *each.buffers()]) for _, each in module.backbone.frozen())


def build_module(setting: Setting, weights: torch.device = CPU) -> ComposeModule:
    """Build the model with random weights, or with none on the meta device."""
    settings: dict[str, Any] = {"gradient_checkpointing": setting.checkpointing, "encoders": not setting.cached}
    if "sd3" in setting.model:
        settings |= {"t5": setting.t5, "t5_tokens": 77}
    with TemporaryDirectory() as folder, weights:
        backbone = build(setting.model, Path(folder), **settings)
    if isinstance(backbone, StableDiffusion):
        # Its tables have to have content.
        backbone.noise_schedule = DDPMScheduler.from_config(backbone.scheduler.config)
    return ComposeModule(backbone, caption_dropout=0.0)


def read_inputs(setting: Setting, module: ComposeModule) -> PairBatch:
    """Read pairs of the embedded world, resized, as a cache or the images give them."""
    batch = read_batch(setting.size_px, setting.batch_size)
    tokens = module.backbone.tokenize([*batch.captions, ""], [*batch.nouns, ()], batch.noun_masks.shape[1])
    # Fake tensors have no content: captions are read before.
    module.backbone.tokenize = lambda *_: Tokens(tokens.ids, tokens.nouns)  # type: ignore[method-assign]
    batch.negative = batch.positive
    if setting.cached:
        batch.features, batch.positive, batch.negative = _features(module, batch, tokens.nouns.shape[-1]), None, None
    return batch


def _features(module: ComposeModule, batch: PairBatch, text_tokens: int) -> CachedFeatures:
    backbone = module.backbone
    channels, height, width = backbone.latent_shape(*batch.noun_masks.shape[-2:])
    config: Any = backbone.trained.config
    text_width = config.get("joint_attention_dim") or config.get("cross_attention_dim")
    moments = torch.ones(len(batch), 2 * channels, height, width, dtype=HALF, device="cpu")
    sequence = torch.zeros(1, text_tokens, text_width, dtype=HALF, device="cpu")
    pooled = torch.zeros(1, backbone.pooled_width, dtype=HALF, device="cpu")
    empty = {name: rows[0] for name, rows in backbone.text_fields(Text(sequence, pooled)).items()}
    text = {name: torch.stack([each] * len(batch)) for name, each in empty.items()}
    return CachedFeatures(moments, moments, text, empty)


def _prepare(setting: Setting, module: ComposeModule, batch: PairBatch) -> tuple[Callable[[], None], AdamW]:
    trained = [each for each in module.parameters() if each.requires_grad]
    optimizer = AdamW(trained, lr=1e-6, fused=True)
    device = batch.noun_masks.device.type

    def step() -> None:
        with torch.autocast(device, torch.bfloat16) if setting.bf16 else nullcontext():
            loss = module.training_loss(module.denoising_step(batch))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step, optimizer


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(each.numel() * each.element_size() for each in tensors)


FAMILIES = (("sd21", (512, 768, 1024)), ("sd3-medium", (512, 768, 1024)))
CHECKED = (
    Setting("shapes", 64, 4),
    Setting("shapes-sd3", 64, 4),
    Setting("shapes-sd3", 64, 4, t5=True),
    Setting("shapes-sd3", 128, 4, checkpointing=True),
    Setting("shapes-sd3", 128, 4, cached=True),
    Setting("shapes-sd3", 128, 4, bf16=True, cached=True),
)


def settings(sizes: Sequence[tuple[str, Sequence[int]]] = FAMILIES) -> list[Setting]:
    """Return what the page tells, row by row."""
    return [
        Setting(model, size_px, bf16=bf16, checkpointing=checkpointing)
        for model, sides in sizes
        for size_px in sides
        for bf16 in (False, True)
        for checkpointing in (False, True)
    ]


def row(setting: Setting, device: torch.device = CPU) -> Row:
    """Return one line of the table, in GiB; on CUDA with what was measured there."""
    cells = {"encoders, 1 image": _gibi(computed(setting).peak)}
    for size in BATCH_SIZES:
        cached = replace(setting, batch_size=size, cached=True)
        cells[f"cached, {size} image{'s' if size > 1 else ''}"] = _gibi(computed(cached).peak)
    if device.type == "cuda":
        cells["measured, cached, 1 image"] = _measured_or_too_large(replace(setting, cached=True), device)
    return {
        "model": setting.model,
        "size_px": setting.size_px,
        "precision": PRECISIONS[setting.bf16],
        "checkpointing": _yes(setting.checkpointing),
        **cells,
    }


def _measured_or_too_large(setting: Setting, device: torch.device) -> str:
    try:
        return _gibi(measured(setting, device).peak)
    except torch.OutOfMemoryError:
        return "does not fit"


def held_row(model: str, t5: bool = False) -> Row:
    """Return what lies in memory between steps, in GiB."""
    memory = computed(Setting(model, 64, checkpointing=True, t5=t5))
    weights = memory.trained / 3
    parts = {"weights": weights, "AdamW": 2 * weights, "gradients": weights, "EMA": weights, "encoders": memory.frozen}
    return {"model": model + (" with T5" if t5 else ""), **{name: _gibi(each) for name, each in parts.items()}}


def check_row(setting: Setting, device: torch.device = CPU) -> Row:
    """Return computed and measured memory of a small model."""
    expected, found = computed(setting), measured(setting, device)
    return {
        "model": setting.model + (" with T5" if setting.t5 else ""),
        "size_px": setting.size_px,
        "batch_size": setting.batch_size,
        "precision": PRECISIONS[setting.bf16],
        "checkpointing": _yes(setting.checkpointing),
        "cached": _yes(setting.cached),
        "computed, MiB": f"{expected.peak / MEBI:.1f}",
        "measured, MiB": f"{found.peak / MEBI:.1f}",
        "ratio": f"{expected.peak / found.peak:.3f}",
    }


def table(rows: Sequence[Row]) -> str:
    """Return rows of the same columns as Markdown."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([str(cell) for cell in each.values()] for each in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compute all settings, check small ones against the machine, and write both."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder that has memory.md")
    chosen = parser.parse_args(arguments)
    device = torch.device(chosen.device)
    with quiet(), without_loading_bars():
        report(chosen.docs, "memory_check", [check_row(each) for each in CHECKED], f"On {machine(CPU)}.")
        held = [held_row("sd21"), held_row("sd3-medium"), held_row("sd3-medium", t5=True)]
        report(chosen.docs, "memory_held", held, "In GiB.")
        report(chosen.docs, "memory", [row(each, device) for each in settings()], "In GiB.")


def report(docs: Path, name: str, rows: Sequence[Row], before: str) -> None:
    """Print rows and write them as CSV and into the page."""
    print(table(rows), flush=True)
    write_csv(docs / f"benchmarks/{name}.csv", rows)
    replace_block(docs / "memory.md", name, f"{before}\n\n{table(rows)}")


def _gibi(size: float) -> str:
    return f"{size / GIBI:.1f}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


if __name__ == "__main__":
    main()
