"""The loss over all lives of a run, and its terms, as pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lightning.pytorch import LightningModule, Trainer
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lightning_compose.callbacks.every_n_steps import EveryNSteps
from lightning_compose.callbacks.metric_curves import Points, draw_line, metric_files, read_names, read_points
from lightning_compose.callbacks.terms_plot import draw_terms, metrics_of_terms


class LossCurve(EveryNSteps):
    """Draw ``loss_curve.png`` in the run's folder from what the CSVLogger wrote, in this life and those before.

    Where there are losses beside denoising, ``loss_terms.png`` shows each term and what it measures.

    Args:
        every_n_steps: Optimizer steps between two drawings; 0 = only at the end.
        metrics: What to draw into ``loss_curve.png``, as logged.
    """

    def __init__(self, every_n_steps: int = 500, metrics: Sequence[str] = ("train/loss", "val/loss")) -> None:
        super().__init__(every_n_steps)
        self.metrics = metrics

    def act(self, trainer: Trainer, pl_module: LightningModule) -> None:
        files = metric_files(trainer) if trainer.is_global_zero else []
        if not files:
            return
        folder = Path(trainer.default_root_dir)
        draw(read_points(files, self.metrics), folder / "loss_curve.png")
        terms = metrics_of_terms(read_names(files))
        if terms:
            draw_terms(read_points(files, terms), folder / "loss_terms.png")


def draw(points: Mapping[str, Points], file: Path) -> None:
    """Draw one line a metric; a long one faint, with its running mean over it."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot(xlabel="optimizer step", ylabel="loss")
    for name, series in points.items():
        if series:
            draw_line(axes, series, name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
    figure.savefig(file, dpi=120)
