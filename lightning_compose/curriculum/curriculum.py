"""The callback that carries a curriculum out: losses on and off, the learning rate, the plan for people to see."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from torch.optim import Optimizer

from lightning_compose.callbacks.grid import log_picture
from lightning_compose.curriculum.learning_rate import base_rate, scale_rate
from lightning_compose.curriculum.schedule import Kind, Schedule
from lightning_compose.curriculum.stage import Stage, describe_samples, require_valid
from lightning_compose.curriculum.timeline import draw_timeline
from lightning_compose.data.pool import Rows
from lightning_compose.data.trainer_settings import set_max_steps
from lightning_compose.losses.base import LossCallback

PICTURE = "curriculum.png"
IN_CHECKPOINT = "curriculum"


class Curriculum(Callback):
    """Divide a run into stages, each with samples, loss weights and a learning rate of its own.

    Everything follows from the number of the optimizer step: there is no state to save. Transitions fall on an exact
    step, also with gradient accumulation and on every rank. Give it to the Trainer; a `ConPairDataModule` finds it
    there and draws the samples by it. `trainer.max_steps` may be left out: it is then the sum of the stages.

    Args:
        stages: By name, in their order; {} = no curriculum.
        schedule: ``strict``: one stage after the other. ``gaussian``: they fade into each other. ``mixed``: all at
            once, in proportion to their lengths, which is no curriculum of the same samples and weights.
        overlap: For ``gaussian``: how far a stage reaches out, the standard deviation of its bell as a share of its
            length, above 0.

    Raises:
        ValueError: When a stage's setting is out of its range or names what is not known.

    Example::

        Curriculum({"easy": Stage(passes=2, stages=["single"]), "hard": Stage(steps=500, replay=0.2)})
    """

    def __init__(
        self,
        stages: dict[str, Stage] = {},  # noqa: B006, copied; a dict that a sweep reaches must not be optional
        schedule: Kind = "strict",
        overlap: float = 0.5,
    ) -> None:
        if schedule not in get_args(Kind):
            raise ValueError(f"Expected `curriculum.schedule` to be one of {list(get_args(Kind))}, got {schedule!r}.")
        if not overlap > 0:
            raise ValueError(f"Expected `curriculum.overlap` to be above 0, got {overlap}.")
        for number, (name, stage) in enumerate(stages.items()):
            require_valid(name, stage, is_first=number == 0)
        self.stages = dict(stages)
        self.schedule: Kind = schedule
        self.overlap = overlap

    def pools(self, table: np.ndarray, rows: Rows) -> dict[str, Rows]:
        """Return each stage's own among the rows of a shard set.

        Raises:
            ValueError: When a stage has none.
        """
        pools = {name: rows[stage.selects(table[rows])] for name, stage in self.stages.items()}
        empty = [name for name, pool in pools.items() if len(pool) == 0]
        if empty:
            stage = self.stages[empty[0]]
            raise ValueError(
                f"Expected training samples for the stage {empty[0]!r} of the curriculum, with `stages` = "
                f"{stage.stages or 'any'} and `categories` = {stage.categories or 'any'}, found none. "
                f"There are: {describe_samples(table[rows])}. Choose among these, or leave the stage out."
            )
        return pools

    def lay_out(self, pool_sizes: list[int], batch_size: int) -> Schedule:
        """Return the stages over the steps of a run.

        Args:
            pool_sizes: Samples of each stage's own.
            batch_size: Samples an optimizer step, over all ranks.
        """
        return Schedule(self.stages, pool_sizes, batch_size, self.schedule, self.overlap)

    # -- hooks ---------------------------------------------------------------------------------------

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if not self.stages:
            return
        _require_known_losses(self.stages, [each.name for each in _losses(trainer)])
        if stage == TrainerFn.FITTING:
            set_max_steps(trainer, schedule_of(trainer).steps)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self.stages:
            return
        self._require_scalable_rate(trainer)
        dry = bool(trainer.fast_dev_run)  # type: ignore[attr-defined]
        if trainer.is_global_zero and not dry:
            self._draw(trainer)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Before the module's own hook, which puts the rates of the present step into the optimizer.
        if self._changes_rate:
            scale_rate(trainer, schedule_of(trainer).lr_factor)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if self.stages:
            _set_factors(trainer, schedule_of(trainer).loss_factors(trainer.global_step))

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        if self.stages and self.schedule != "mixed":
            pl_module.log("train/stage", float(schedule_of(trainer).stage_at(trainer.global_step)))

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # A run that was resumed may validate before it trains.
        if self.stages and trainer.state.fn == TrainerFn.FITTING:
            _set_factors(trainer, schedule_of(trainer).loss_factors(_last_step(trainer)))

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if self.stages and trainer.state.fn == TrainerFn.FITTING:
            checkpoint[IN_CHECKPOINT] = self._describe(schedule_of(trainer), _last_step(trainer))

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        # Validation on its own has no step to go by, but shall measure what the training's did.
        if self.stages and trainer.state.fn != TrainerFn.FITTING:
            _set_factors(trainer, checkpoint.get(IN_CHECKPOINT, {}).get("loss_factors", {}))

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        for loss in _losses(trainer):
            loss.factor = 1.0

    # -- the plan for people -------------------------------------------------------------------------

    def _describe(self, schedule: Schedule, step: int) -> dict[str, Any]:
        return {
            "stage": schedule.stage_name(step),
            "schedule": self.schedule,
            "overlap": self.overlap,
            "stages": {name: dataclasses.asdict(stage) for name, stage in self.stages.items()},
            "steps": dict(zip(self.stages, schedule.lengths, strict=True)),
            "loss_factors": schedule.loss_factors(step),
        }

    def _draw(self, trainer: Trainer) -> None:
        weights = {each.name: each.weight for each in _losses(trainer)}
        file = Path(trainer.default_root_dir) / PICTURE
        picture = draw_timeline(schedule_of(trainer), trainer.max_steps, weights, base_rate(trainer))
        file.parent.mkdir(parents=True, exist_ok=True)
        picture.save(file)
        log_picture(picture, "curriculum", trainer)

    @property
    def _changes_rate(self) -> bool:
        return any(stage.lr != 1 for stage in self.stages.values())

    def _require_scalable_rate(self, trainer: Trainer) -> None:
        if self._changes_rate and base_rate(trainer) is None:
            raise TypeError(
                "Expected the module's learning-rate schedule to be a LambdaLR, because a stage of the curriculum has "
                "a factor on the learning rate, got none. Return one from `configure_optimizers`, or leave `lr` out."
            )


def find_curriculum(trainer: Trainer | None) -> Curriculum | None:
    """Return the Trainer's curriculum; None where there is none or it has no stages."""
    callbacks = [] if trainer is None else trainer.callbacks  # type: ignore[attr-defined]
    return next((each for each in callbacks if isinstance(each, Curriculum) and each.stages), None)


def schedule_of(trainer: Trainer) -> Schedule:
    """Return the stages over the steps of the run, as its data are drawn.

    Raises:
        TypeError: When the data know of no curriculum.
    """
    data = getattr(trainer, "datamodule", None)
    schedule = getattr(data, "schedule", None)
    if not isinstance(schedule, Schedule):
        raise TypeError(
            f"Expected a ConPairDataModule, from which a curriculum can draw each stage's samples, got "
            f"{type(data).__name__}. Train on one, or leave the Curriculum out."
        )
    return schedule


def _last_step(trainer: Trainer) -> int:
    return max(trainer.global_step - 1, 0)


def _losses(trainer: Trainer) -> list[LossCallback]:
    return [each for each in trainer.callbacks if isinstance(each, LossCallback)]  # type: ignore[attr-defined]


def _set_factors(trainer: Trainer, factors: Mapping[str, float]) -> None:
    for loss in _losses(trainer):
        loss.factor = factors.get(loss.name, 1.0)


def _require_known_losses(stages: Mapping[str, Stage], known: list[str]) -> None:
    for name, stage in stages.items():
        unknown = [loss for loss in stage.losses if loss not in known]
        if unknown:
            raise ValueError(
                f"Expected `curriculum.stages.{name}.losses` to name losses of the run, got {unknown[0]!r}. "
                f"Known: {known}. List it under `losses:`, or leave it out here."
            )
