"""One test with an evaluation, on one process or two: functions that a forked process can import."""

import json
from pathlib import Path

import torch
from batches import batches
from lightning.pytorch import Trainer
from pixel_judge import PixelJudge

from lightning_compose.backbones import StableDiffusion
from lightning_compose.callbacks.evaluation import Evaluation
from lightning_compose.evaluation import measure
from lightning_compose.module import ComposeModule


def testing(folder: Path, pipeline: Path, prompts: Path, clip: Path, devices: int) -> None:
    """Leave what was logged in ``logged.json``, beside the evaluation's own files."""
    torch.set_num_threads(1)
    # Several batches a rank, and not as many on each.
    measure.BATCH_SIZE = 3
    evaluation = Evaluation(str(prompts), 2, guidance_scale=1.0, batch_size=1, judge=PixelJudge(), clip=str(clip))
    trainer = Trainer(
        accelerator="cpu",
        devices=devices,
        strategy="ddp" if devices > 1 else "auto",
        callbacks=[evaluation],
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    (logged,) = trainer.test(ComposeModule(StableDiffusion(str(pipeline))), batches(1), verbose=False)
    if trainer.is_global_zero:
        (folder / "logged.json").write_text(json.dumps(logged))
