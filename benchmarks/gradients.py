"""How hard each loss pulls at the denoiser, beside the denoising loss: what a weight of 1 would do.

python -m benchmarks.gradients
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from lightning_compose import ComposeModule
from lightning_compose.cli import main as lightning_compose
from lightning_compose.data.batch import PairBatch
from lightning_compose.documentation import write_csv
from lightning_compose.evaluation.table import markdown
from lightning_compose.module import denoising_loss
from lightning_compose.step import DenoisingStep

ROOT = Path(__file__).parents[1]
DENOISE = "denoise"
# Nothing may change between two batches, and nothing else is wanted of the run.
STILL = "--curriculum=null --model.warmup_steps=0 --model.optimizer.init_args.lr=0 --model.caption_dropout=0"
ALONE = "--data.val_fraction=0 --attention_maps.images=0 --pictures.every_n_steps=0 --pictures.prompts=[]"


class Pulls(ComposeModule):
    """Keeps every micro-batch's gradient of each term, unweighted, with respect to the denoiser."""

    gradients: dict[str, list[Tensor]]

    def training_step(self, batch: PairBatch, batch_idx: int) -> Tensor:
        step = self.denoising_step(batch)
        with self.losses.micro_batch():
            for name, term in self._terms(step).items():
                type(self).gradients.setdefault(name, []).append(self._gradient(term))
        return super().training_step(batch, batch_idx)

    def _terms(self, step: DenoisingStep) -> dict[str, Tensor]:
        needed = {name: step.declared(self.backbone.resolve(self.losses[name].needs)) for name in self.losses.active()}
        terms = {name: self.losses.compute(name, seen)[0] for name, seen in needed.items()}
        return {DENOISE: denoising_loss(step), **terms}

    def _gradient(self, term: Tensor) -> Tensor:
        weights = list(self.backbone.trained.parameters())
        parts = torch.autograd.grad(term, weights, retain_graph=True, allow_unused=True, materialize_grads=True)
        return torch.cat([part.flatten() for part in parts])


def measure(steps: int, arguments: Sequence[str]) -> dict[str, Tensor]:
    """Return each term's gradients ``[micro-batch, parameter]`` in the first steps of a run.

    Args:
        steps: Of the optimizer, of whose micro-batches the gradients are kept.
        arguments: Those of ``fit``.
    """
    Pulls.gradients = {}
    with tempfile.TemporaryDirectory() as folder:
        length = ["--trainer.max_steps", str(steps), "--run_dir", folder]
        lightning_compose(["fit", *arguments, *STILL.split(), *ALONE.split(), *length], module_class=Pulls)
    return {name: torch.stack(each) for name, each in Pulls.gradients.items()}


def rows(gradients: dict[str, Tensor]) -> list[dict[str, str]]:
    """Return a row a term.

    ``norm``: of a micro-batch's gradient, in the mean; ``steady``: that of the mean gradient over that mean norm, 1
    where all of them pull alike, ``1 / sqrt(number)`` where they have nothing in common; ``as_denoise``: the weight
    at which such a gradient is as large as the denoising loss's.
    """
    norms = {name: each.norm(dim=1).mean().item() for name, each in gradients.items()}
    return [
        {
            "term": name,
            "norm": f"{norms[name]:.3f}",
            "steady": f"{each.mean(dim=0).norm().item() / norms[name]:.2f}",
            "as_denoise": f"{norms[DENOISE] / norms[name]:.3f}",
        }
        for name, each in gradients.items()
    ]


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table for the losses of a config."""
    parser = argparse.ArgumentParser(description="Measure how hard each loss pulls at the denoiser.")
    parser.add_argument("--steps", type=int, default=8, help="optimizer steps to take the gradients in")
    parser.add_argument("--config", default=str(ROOT / "configs/shapes.yaml"), help="with the losses and the model")
    parser.add_argument("--csv", type=Path, help="a file that the table is written to, too")
    options, further = parser.parse_known_args(argv)
    measured = rows(measure(options.steps, ["--config", options.config, *further]))
    print(markdown([tuple(measured[0]), *(tuple(row.values()) for row in measured)]))
    if options.csv:
        write_csv(options.csv, measured)


if __name__ == "__main__":
    main()
