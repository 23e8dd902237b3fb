"""Overfit twenty pairs of the embedded world: can the losses reach what they are for?

python -m benchmarks.overfit
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from lightning_compose.callbacks.metric_curves import Points, draw_line, read_points
from lightning_compose.cli import main as lightning_compose

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "configs/shapes.yaml", ROOT / "configs/experiments/overfit.yaml"
PICTURE = ROOT / "docs/images/overfit.png"
VALUES = ROOT / "docs/benchmarks/overfit.csv"
PAIRS, SEED = 20, 3
# From a U-Net of random weights and at a rate for such: the base's attention is no blank page.
UNTRAINED = {
    "model.backbone.init_args.pretrained": "null",
    "model.backbone.init_args.config": str(ROOT / "lightning_compose/assets/shapes"),
    "model.optimizer": "torch.optim.AdamW",
    "model.optimizer.init_args.lr": "1.5e-3",
}
LAST_STEPS = 50
AIMS = {
    "train/token_in_mask_share": (0.8, "share of the nouns' attention in their masks"),
    "train/contrastive_accuracy": (0.95, "share of pairs whose caption is nearer to the positive"),
}


def overfit(folder: Path, arguments: list[str]) -> dict[str, Points]:
    """Train on twenty pairs and return each aim's value at every step.

    Args:
        folder: New or empty: of the pairs and the run.
        arguments: Further ones for ``fit``.
    """
    pairs, run = folder / "pairs", folder / "run"
    lightning_compose(["shapes", "--out", str(pairs), "--pairs", str(PAIRS), "--seed", str(SEED)])
    configs = [argument for config in CONFIGS for argument in ("--config", str(config))]
    untrained = [f"--{key}={value}" for key, value in UNTRAINED.items()]
    lightning_compose(["fit", *configs, *untrained, "--data.root", str(pairs), "--run_dir", str(run), *arguments])
    return read_points([run / "csv/version_0/metrics.csv"], list(AIMS))


def write(points: Mapping[str, Points], file: Path) -> None:
    """Write each value at every step as CSV."""
    columns = [dict(series) for series in points.values()]
    with file.open("w", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(["step", *points])
        writer.writerows([step, *(f"{column[step]:.4f}" for column in columns)] for step in columns[0])


def draw(points: Mapping[str, Points], file: Path) -> None:
    """Draw each value over the steps, and its aim."""
    figure = Figure(figsize=(10, 3.5), layout="constrained")
    for axes, (name, (aim, title)) in zip(figure.subplots(1, 2), AIMS.items(), strict=True):
        draw_line(axes, points[name], name)
        axes.axhline(aim, color="gray", linestyle="--", label=f"aim: above {aim}")
        axes.set(title=title, xlabel="optimizer step", ylim=(0, 1.02))
        axes.legend(loc="lower right")
    figure.savefig(file, dpi=120)


def table(points: Mapping[str, Points]) -> str:
    """Return what the values were at the start and over the last steps."""
    lines = [f"| | first step | mean of the last {LAST_STEPS} steps | aim |", "| --- | ---: | ---: | ---: |"]
    for name, (aim, title) in AIMS.items():
        values = np.array(points[name])[:, 1]
        lines.append(f"| {title} | {values[0]:.3f} | {values[-LAST_STEPS:].mean():.3f} | > {aim} |")
    return "\n".join(lines)


def main() -> None:
    """Overfit, print the table and draw the picture; unknown arguments go to ``fit``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overfit", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "runs/overfit", help="new or empty, for pairs and run")
    parser.add_argument("--picture", type=Path, default=PICTURE, help="PNG to write")
    parser.add_argument("--values", type=Path, default=VALUES, help="CSV to write")
    options, arguments = parser.parse_known_args()
    points = overfit(options.folder, arguments)
    draw(points, options.picture)
    write(points, options.values)
    print(table(points))


if __name__ == "__main__":
    main()
