"""Results as tables in a page, and as a chart."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.figure import Figure

from lightning_compose.documentation import Row
from lightning_compose.evaluation.table import markdown

# What holds for a whole table; the other columns are the table's.
SHARED = ("content", "model", "size_px", "batch_size", "precision", "rounds", "machine")
LABELS = {
    "time_ms": "time, ms",
    "time_ratio": "x plain",
    "memory_mib": "peak memory, MiB",
    "memory_ratio": "x plain",
    "gflop": "GFLOP a step",
    "flop_ratio": "x plain",
    "images_per_s": "images/s",
    "speed_ratio": "x first row",
    "samples_per_s": "samples/s of a core",
    "quicker": "this loader is x as quick",
    "at_sample": "at sample",
    "pass_1": "MiB after pass 1",
    "pass_2": "pass 2",
    "pass_3": "pass 3",
}
RATIOS = {"time_ratio": "time", "memory_ratio": "peak memory", "flop_ratio": "FLOPs"}


def machine(device: torch.device) -> str:
    """Describe what a measurement ran on."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}"
    return f"{_cpu_name()}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def render(rows: Sequence[Row]) -> str:
    """Return one Markdown table for each setting, below a line that names it."""
    return "\n\n".join(f"{_setting(group[0])}\n\n{_table(group)}" for group in _by_setting(rows))


def draw_ratios(rows: Sequence[Row], file: Path) -> None:
    """Draw each variant's time, memory and arithmetic as multiples of the plain step's, a panel a setting."""
    groups = _by_setting(rows)
    figure = Figure(figsize=(9, 4.2 * len(groups)), layout="constrained")
    for index, group in enumerate(groups, start=1):
        axes = figure.add_subplot(len(groups), 1, index, xlabel="multiples of the plain step")
        axes.set_title(_setting(group[0]), fontsize=9, wrap=True)
        _draw_bars(axes, group)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120, metadata={"Software": None})


def draw_speeds(rows: Sequence[Row], file: Path) -> None:
    """Draw how many times as quick this loader is as each of the others, a panel a kind of content."""
    groups = [group[1:] for group in _by_setting(rows)]
    figure = Figure(figsize=(9, 1 + 0.5 * sum(map(len, groups)) + 0.6 * len(groups)), layout="constrained")
    panels = figure.subplots(len(groups), 1, sharex=True, height_ratios=[len(group) for group in groups])
    for axes, group in zip(panels, groups, strict=True):
        bars = axes.barh([str(row["loader"]) for row in group], [float(row["quicker"]) for row in group])
        axes.bar_label(bars, fmt="%.2f", padding=2, fontsize=8)
        axes.set_title(str(group[0]["content"]), fontsize=9, loc="left")
        axes.invert_yaxis()
        axes.axvline(1, color="black", linewidth=0.8)
    panels[-1].set_xlabel("this loader's samples/s of a core, as multiples of the other's")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120, metadata={"Software": None})


def _draw_bars(axes: object, rows: Sequence[Row]) -> None:
    thickness = 0.8 / len(RATIOS)
    for offset, (column, label) in enumerate(RATIOS.items()):
        places = [index + offset * thickness for index in range(len(rows))]
        bars = axes.barh(places, [float(row[column]) for row in rows], thickness, label=label)  # type: ignore[attr-defined]
        axes.bar_label(bars, fmt="%.2f", padding=2, fontsize=7)  # type: ignore[attr-defined]
    axes.set_yticks([index + thickness for index in range(len(rows))], [row["variant"] for row in rows])  # type: ignore[attr-defined]
    axes.invert_yaxis()  # type: ignore[attr-defined]
    axes.axvline(1, color="black", linewidth=0.8)  # type: ignore[attr-defined]
    axes.margins(x=0.08)  # type: ignore[attr-defined]
    axes.legend(loc="upper right")  # type: ignore[attr-defined]


def _by_setting(rows: Sequence[Row]) -> list[list[Row]]:
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(str(row[name]) for name in SHARED if name in row), []).append(row)
    return list(groups.values())


def _setting(row: Row) -> str:
    rounds = f", median of {row['rounds']} rounds" if "rounds" in row else ""
    where = f", on {row['machine']}" if "machine" in row else ""
    if "content" in row:
        return f"{row['content']}{rounds}{where}"
    size = f"{row['size_px']} px, batch of {row['batch_size']}, {row['precision']}"
    return f"{row['model']}, {size}{rounds}{where}"


def _table(rows: Sequence[Row]) -> str:
    columns = [name for name in rows[0] if name not in SHARED]
    heading = [LABELS.get(name, name) for name in columns]
    return markdown([heading, *([str(row[name]) for name in columns] for row in rows)])


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.*)$", info.read_text(), re.MULTILINE) if info.is_file() else []
    return names[0] if names else platform.processor() or platform.machine()
