"""Compare the training step with each loss, and with a naive reference, in time, memory and arithmetic.

Run from the repository's root: ``python -m benchmarks.losses``. Writes tables, page and chart under ``docs/``.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

from benchmarks.measure import flops, median_quotient, peak_bytes, round_seconds
from benchmarks.models import COMPONENTS, build
from benchmarks.options import BASELINE, OPTIONS, Option
from benchmarks.report import draw_ratios, machine, render
from benchmarks.variants import PLAIN, Workbench, read_batch, with_losses
from lightning_compose.cli.quiet import quiet, without_loading_bars
from lightning_compose.documentation import Row, replace_block, write_csv

DOCS = Path(__file__).parents[1] / "docs"
PARTS = ("losses", "options", "flops")
MEBI, GIGA = 2**20, 1e9


@dataclass(frozen=True)
class Setting:
    """What is trained: a model of `models.COMPONENTS`, the images' side and how many a step."""

    model: str
    size_px: int
    batch_size: int


# On CUDA the reference sets the batch: at 768 px it keeps some 36 GB a pair.
COMPARED = {
    "cpu": [Setting("shapes", 64, 8), Setting("shapes", 128, 4)],
    "cuda": [Setting("sd21", 512, 4), Setting("sd21", 768, 1)],
}
OPTIONS_AT = [Setting("sd21", 512, 16), Setting("sd21", 768, 6)]
FLOPS_AT = [Setting("sd21", 512, 1), Setting("sd21", 768, 1)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the chosen parts, print their tables and write them."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    device = torch.device(chosen.device)
    if "options" in chosen.parts and device.type == "cpu":
        parser.error("Expected a GPU for the part 'options', got the CPU. Name the other parts.")
    named = [Setting(chosen.model, chosen.size_px, chosen.batch_size)] if chosen.model else None
    report = Report(Path(chosen.docs), device)
    with quiet(), without_loading_bars():
        if "losses" in chosen.parts:
            rows = [row for each in named or COMPARED[device.type] for row in compare(each, device, chosen.rounds)]
            report.add("losses", rows, with_chart=True)
        if "options" in chosen.parts:
            rows = [row for each in named or OPTIONS_AT for row in throughput(each, device, chosen.rounds)]
            report.add("options", rows)
        if "flops" in chosen.parts:
            report.add("flops", [row for each in named or FLOPS_AT for row in count(each)])


def compare(setting: Setting, device: torch.device, rounds: int) -> list[Row]:
    """Measure the plain step, the step with each loss and the reference's."""
    bench = workbench(setting, device)
    steps = bench.steps()
    seconds = round_seconds(steps, rounds, device)
    memory = {name: peak_bytes(step, device, bench.held_bytes()) for name, step in steps.items()}
    counted = counted_flops(setting)
    shared = {**_shared(setting, device), "rounds": rounds, "machine": machine(device)}
    return [
        {
            **shared,
            "variant": name,
            "time_ms": round(median(seconds[name]) * 1000, 1),
            "time_ratio": f"{median_quotient(seconds[name], seconds[PLAIN]):.2f}",
            "memory_mib": round(memory[name] / MEBI),
            "memory_ratio": _ratio(memory, name),
            "gflop": round(counted[name] / GIGA, 1),
            "flop_ratio": _ratio(counted, name),
        }
        for name in steps
    ]


def count(setting: Setting) -> list[Row]:
    """Count the floating point operations of each variant; nothing is computed."""
    counted = counted_flops(setting)
    shared = _shared(setting, torch.device("meta"))
    return [
        {**shared, "variant": name, "gflop": round(each / GIGA, 1), "flop_ratio": _ratio(counted, name, digits=4)}
        for name, each in counted.items()
    ]


def throughput(
    setting: Setting, device: torch.device, rounds: int, options: Mapping[str, Option] = OPTIONS
) -> list[Row]:
    """Measure the plain step with each option, one after the other: they differ in how the model is built."""
    seconds = {name: _plain_seconds(setting, device, rounds, option) for name, option in options.items()}
    shared = {**_shared(setting, device), "rounds": rounds, "machine": machine(device)}
    return [
        {
            **shared,
            "option": name,
            "images_per_s": round(setting.batch_size / each, 1),
            "speed_ratio": f"{seconds[BASELINE] / each:.2f}",
        }
        for name, each in seconds.items()
    ]


def workbench(setting: Setting, device: torch.device, option: Option = OPTIONS[BASELINE]) -> Workbench:
    """Build the model with random weights, and read a batch."""
    # An earlier model hangs in reference cycles; on a GPU there is no room for two.
    gc.collect()
    backbone_class, settings = option
    # On the meta device weights are never drawn, which takes long for large models.
    with torch.device("meta" if device.type == "meta" else "cpu"):
        backbone = build(setting.model, backbone_class, **settings)
    batch = read_batch(setting.size_px, setting.batch_size).to(device)
    return Workbench(with_losses(backbone).to(device), batch, bf16=device.type == "cuda")


def counted_flops(setting: Setting) -> dict[str, int]:
    """Count the operations of each variant of `Workbench.steps`."""
    return {name: flops(step) for name, step in workbench(setting, torch.device("meta")).steps().items()}


@dataclass(frozen=True)
class Report:
    """Where results go: a folder laid out as ``docs/``."""

    docs: Path
    device: torch.device

    def add(self, part: str, rows: Sequence[Row], with_chart: bool = False) -> None:
        """Print a part's tables; write its CSV, its block of the page and perhaps its chart."""
        name = part if part == "flops" else f"{part}_{self.device.type}"
        text = render(rows)
        print(text, flush=True)
        write_csv(self.docs / f"benchmarks/{name}.csv", rows)
        if with_chart:
            chart = f"images/{part}_benchmark{'_cuda' if self.device.type == 'cuda' else ''}.png"
            draw_ratios(rows, self.docs / chart)
            text += f"\n\n![Time, peak memory and FLOPs as multiples of the plain step's]({chart})"
        replace_block(self.docs / "benchmarks.md", name, text)


def _plain_seconds(setting: Setting, device: torch.device, rounds: int, option: Option) -> float:
    torch.compiler.reset()
    step = workbench(setting, device, option).steps()[PLAIN]
    return median(round_seconds({PLAIN: step}, rounds, device)[PLAIN])


def _shared(setting: Setting, device: torch.device) -> dict[str, str | int]:
    precision = {"cuda": "bf16-mixed", "cpu": "float32", "meta": "any precision"}[device.type]
    return {**vars(setting), "precision": precision}


def _ratio(values: Mapping[str, float], name: str, digits: int = 2) -> str:
    return f"{values[name] / values[PLAIN]:.{digits}f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.losses", description=__doc__)
    default = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("parts", nargs="*", choices=PARTS, default=_parts(default), help="what to measure")
    parser.add_argument("--device", choices=["cpu", "cuda"], default=default)
    parser.add_argument("--rounds", type=int, default=15, help="how often each step is timed")
    parser.add_argument("--model", choices=list(COMPONENTS), help="instead of the device's settings")
    parser.add_argument("--size_px", type=int, default=64, help="side of the images, with --model")
    parser.add_argument("--batch_size", type=int, default=8, help="images a step, with --model")
    parser.add_argument("--docs", default=str(DOCS), help="folder that has benchmarks.md")
    return parser


def _parts(device: str) -> Iterable[str]:
    return PARTS if device == "cuda" else ["losses", "flops"]


if __name__ == "__main__":
    main()
