"""Compare a training step of the embedded world on a feature cache with one that encodes, in time and memory.

Run from the repository's root: ``python -m benchmarks.feature_cache``. Writes the table of ``docs/feature-cache.md``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.measure import Step, median_quotient, peak_bytes, round_seconds
from benchmarks.models import ASSETS
from benchmarks.report import machine, render
from benchmarks.variants import SHARDS, Workbench, with_losses
from lightning_compose.backbones import StableDiffusion
from lightning_compose.cli.feature_cache import run as cache_features
from lightning_compose.cli.quiet import quiet, without_loading_bars
from lightning_compose.data.datamodule import ConPairDataModule
from lightning_compose.documentation import Row, replace_block, write_csv

DOCS = Path(__file__).parents[1] / "docs"
NAME = "feature_cache"
ENCODED, CACHED = "images and captions are encoded", "feature cache, `encoders: false`"
SIZE_PX = 64
CPU = torch.device("cpu")


def main(arguments: Sequence[str] | None = None) -> None:
    """Cache a set, measure, print the table and write it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.feature_cache", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="how often each step is timed")
    parser.add_argument("--batch_size", type=int, default=16, help="pairs a step")
    parser.add_argument("--root", default=str(SHARDS), help="the set")
    parser.add_argument("--docs", default=str(DOCS), help="folder that has feature-cache.md")
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory() as folder, quiet(), without_loading_bars():
        model = ["--model.backbone", "StableDiffusion", f"--model.backbone.config={ASSETS}"]
        cache_features(chosen.root, Path(folder), [*model, f"--data.size_px={SIZE_PX}"], 1, 32, "cpu")
        rows = compare(chosen.root, folder, chosen.batch_size, chosen.rounds)
    text = render(rows)
    print(text)
    write_csv(Path(chosen.docs) / f"benchmarks/{NAME}.csv", rows)
    replace_block(Path(chosen.docs) / "feature-cache.md", NAME, text)


def compare(root: str, cache: str, batch_size: int, rounds: int) -> list[Row]:
    """Measure both steps, all three losses on; they take turns."""
    benches = {ENCODED: _bench(root, None, batch_size), CACHED: _bench(root, cache, batch_size)}
    steps = {name: step for name, (_, step) in benches.items()}
    seconds = round_seconds(steps, rounds, CPU)
    memory = {name: peak_bytes(step, CPU, _held_bytes(bench)) for name, (bench, step) in benches.items()}
    shared: dict[str, str | int] = {
        "model": "shapes",
        "size_px": SIZE_PX,
        "batch_size": batch_size,
        "precision": "float32",
    }
    return [
        {
            **shared,
            "rounds": rounds,
            "machine": machine(CPU),
            "step": name,
            "time": f"{median_quotient(seconds[name], seconds[ENCODED]):.2f}",
            "peak memory": f"{memory[name] / memory[ENCODED]:.2f}",
        }
        for name in steps
    ]


def _bench(root: str, cache: str | None, batch_size: int) -> tuple[Workbench, Step]:
    """Return a module and its step, which reads its own batch: images or features."""
    data = ConPairDataModule(
        root,
        size_px=SIZE_PX,
        cache=cache,
        global_batch_size=batch_size,
        micro_batch_size=batch_size,
        num_workers=0,
    )
    data.setup("fit")
    batches = iter(data.train_dataloader())
    backbone = StableDiffusion(config=str(ASSETS), encoders=cache is None)
    bench = Workbench(with_losses(backbone), next(batches))

    def step() -> None:
        bench.batch = next(batches)
        bench.run(bench.module)

    return bench, step


def _held_bytes(bench: Workbench) -> int:
    frozen = [each for _, module in bench.module.backbone.frozen() for each in module.parameters()]
    return bench.held_bytes() + sum(each.numel() * each.element_size() for each in frozen)


if __name__ == "__main__":
    main()
