"""How well the model composes: a benchmark's images, drawn with fixed seeds and judged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch.distributed as dist
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.rank_zero import rank_zero_info
from PIL import Image
from tqdm import tqdm

from lightning_compose.arguments import require_at_least
from lightning_compose.callbacks.verdict_page import verdict_page
from lightning_compose.cli.quiet import without_loading_bars
from lightning_compose.evaluation.clip import Clip
from lightning_compose.evaluation.judge import Judge
from lightning_compose.evaluation.measure import Measurement
from lightning_compose.evaluation.prompts import BenchmarkPrompt, read_benchmark
from lightning_compose.evaluation.results import FOLDER, PAGE, image_file, write_images
from lightning_compose.evaluation.scores import SCORES, Score, write_scores
from lightning_compose.inference import Prompt, generate, read_checkpoint
from lightning_compose.shapes.judge import ShapesJudge


@dataclass(frozen=True, slots=True)
class _Drawn:
    """An image and its score, to be sent from rank to rank."""

    score: Score
    image: Image.Image


class Evaluation(Callback):
    """Draw a benchmark's prompts, have the images judged, log the metrics and write scores and images out.

    At `test` and `validate`, and in the validations of a training where `validate` says so. Every rank draws its share.
    Logged are ``accuracy/CATEGORY`` and their mean, ``mg2`` to ``mg5`` and the same with ``_blind``, of other prompts'
    objects, ``object_accuracy`` and with a CLIP ``clip_score`` and ``kid``, those of held-out compositions with
    ``/held_out`` behind them; the table of scores, the images and a page of them go to ``evaluation/STEP`` of the run's
    folder.

    Args:
        prompts: A .jsonl file as ``shapes prompts`` writes it; None = no evaluation.
        num_inference_steps: Denoising steps an image.
        guidance_scale: Of classifier-free guidance; 1 = none.
        batch_size: Images at once.
        judge: Who answers the prompts' questions; None = the embedded world's.
        validate: Whether a training evaluates in each of its validations, too.
        clip: Folder of a `CLIPModel` with its tokenizer; None = neither CLIPScore nor KID.

    Where the trainer averages the weights, the average draws: `EMA` has put it in their place by then. The global
    random generators are left alone.
    """

    def __init__(
        self,
        prompts: str | None = None,
        num_inference_steps: int = 25,
        guidance_scale: float = 7.5,
        batch_size: int = 8,
        judge: Judge | None = None,
        validate: bool = False,
        clip: str | None = None,
    ) -> None:
        require_at_least(1, num_inference_steps=num_inference_steps, batch_size=batch_size)
        self.prompts = prompts
        self.num_inference_steps = num_inference_steps
        self.guidance_scale = guidance_scale
        self.batch_size = batch_size
        self.judge = judge or ShapesJudge()
        self.validate = validate
        self.clip_folder = clip
        self._benchmark: list[BenchmarkPrompt] = []
        self._clip: Clip | None = None

    def setup(self, trainer: Trainer, pl_module: Any, stage: str) -> None:
        self._benchmark = []
        if self.prompts is None or (stage == "fit" and not self.validate) or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        if not pl_module.backbone.encoders:
            rank_zero_info("No evaluation: drawing needs the encoders, which are left out (`encoders: false`).")
            return
        self._benchmark = read_benchmark(Path(self.prompts))
        if self.clip_folder is not None and self._clip is None:
            with without_loading_bars():
                self._clip = Clip(self.clip_folder)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        if not trainer.sanity_checking:
            self._evaluate(trainer, pl_module, "val")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        self._evaluate(trainer, pl_module, "test")

    def _evaluate(self, trainer: Trainer, pl_module: Any, split: str) -> None:
        if not self._benchmark:
            return
        share = list(range(len(self._benchmark)))[trainer.global_rank :: trainer.world_size]
        images = self._draw(trainer, pl_module, share)
        measurement = Measurement(self._benchmark, self.judge, self._clip, pl_module.device)
        scores = measurement.add(share, images, [image_file(index) for index in share])
        for name, value in measurement.compute().items():
            # The mean of equal values: Lightning warns without it.
            pl_module.log(f"{split}/{name}", value, sync_dist=True)
        drawn = _gather([_Drawn(*each) for each in zip(scores, images, strict=True)])
        if trainer.is_global_zero:
            _write(drawn, Path(trainer.default_root_dir) / FOLDER / f"{_step(trainer):06d}")

    def _draw(self, trainer: Trainer, pl_module: Any, share: Sequence[int]) -> list[Image.Image]:
        # All ranks draw equally many: those of a model in shards need each other in every step.
        most = math.ceil(len(self._benchmark) / trainer.world_size)
        drawn = [self._benchmark[index] for index in [*share, *[0] * (most - len(share))]]
        images = generate(
            pl_module.backbone,
            [Prompt(each.prompt, each.seed) for each in drawn],
            num_inference_steps=self.num_inference_steps,
            guidance_scale=self.guidance_scale,
            batch_size=self.batch_size,
        )
        shown = tqdm(images, FOLDER, len(drawn), unit="image", leave=False, disable=not trainer.is_global_zero)
        return list(shown)[: len(share)]


def _gather(drawn: list[_Drawn]) -> list[_Drawn]:
    if not (dist.is_available() and dist.is_initialized()):
        return drawn
    parts: list[list[_Drawn]] = [[] for _ in range(dist.get_world_size())]
    dist.all_gather_object(parts, drawn)
    return sorted((each for part in parts for each in part), key=lambda each: each.score.index)


def _write(drawn: Sequence[_Drawn], folder: Path) -> None:
    images, scores = [each.image for each in drawn], [each.score for each in drawn]
    write_images(images, [each.file for each in scores], folder)
    write_scores(scores, folder / SCORES)
    verdict_page(images, scores).save(folder / PAGE)
    print(f"Scores of {len(scores)} images: {folder / SCORES}", flush=True)


def _step(trainer: Trainer) -> int:
    # Without a training, Lightning does not restore the step that a checkpoint is of.
    if trainer.state.fn == TrainerFn.FITTING or trainer.ckpt_path is None:
        return trainer.global_step
    return int(read_checkpoint(Path(trainer.ckpt_path)).get("global_step", 0))
