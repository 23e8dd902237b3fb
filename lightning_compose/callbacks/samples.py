"""A grid of samples from fixed prompts, so that a person sees the model learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.utilities.rank_zero import rank_zero_info

from lightning_compose.callbacks.ema import averaged
from lightning_compose.callbacks.every_n_steps import EveryNSteps
from lightning_compose.callbacks.grid import image_grid, publish
from lightning_compose.inference import Prompt, generate


class SampleGrid(EveryNSteps):
    """Draw samples from fixed prompts with fixed seeds into ``pictures/samples-STEP.png`` of the run's folder.

    Args:
        prompts: One image each; none = no pictures.
        every_n_steps: Optimizer steps between two grids; 0 = only at the end.
        num_inference_steps: Denoising steps a sample.
        guidance_scale: Of classifier-free guidance; 1 = none.
        seed: The i-th prompt has seed + i, at every step: only the model changes between two grids.
        batch_size: Samples at once.

    A backbone without its encoders draws none, and says so. Where the trainer averages the weights (`EMA`), the average
    draws. The global random generators are left alone, so pictures do not change the training.
    """

    def __init__(
        self,
        prompts: Sequence[str] = (),
        every_n_steps: int = 500,
        num_inference_steps: int = 25,
        guidance_scale: float = 7.5,
        seed: int = 0,
        batch_size: int = 8,
    ) -> None:
        super().__init__(every_n_steps)
        self.prompts = [Prompt(text, seed + index) for index, text in enumerate(prompts)]
        self.num_inference_steps = num_inference_steps
        self.guidance_scale = guidance_scale
        self.batch_size = batch_size

    def on_fit_start(self, trainer: Trainer, pl_module: Any) -> None:
        # Before the progress bar, which would stand in the same line.
        if self.prompts and not pl_module.backbone.encoders:
            rank_zero_info(
                "No pictures of samples: drawing needs the encoders, which are left out (`encoders: false`). "
                "`predict --model.backbone.init_args.encoders=true` draws from any checkpoint of this run."
            )

    def act(self, trainer: Trainer, pl_module: Any) -> None:
        if not self.prompts or not pl_module.backbone.encoders or not trainer.is_global_zero:
            return
        images = generate(
            pl_module.backbone,
            self.prompts,
            num_inference_steps=self.num_inference_steps,
            guidance_scale=self.guidance_scale,
            batch_size=self.batch_size,
        )
        with averaged(trainer):
            drawn = list(images)
        grid = image_grid(drawn, [prompt.text for prompt in self.prompts])
        publish(grid, "samples", f"samples-{trainer.global_step:06d}", trainer)
