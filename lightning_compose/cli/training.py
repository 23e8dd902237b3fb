"""fit, validate and test: a LightningCLI whose `losses` are a dict of callbacks and whose run has one folder."""

from __future__ import annotations

import json
from argparse import ArgumentError
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from lightning.pytorch.utilities.exceptions import SIGTERMException

from lightning_compose import backbones, fully_sharded, losses
from lightning_compose.callbacks.attention_maps import AttentionMaps
from lightning_compose.callbacks.checkpoint import Checkpoint
from lightning_compose.callbacks.ema import EMA, Weights
from lightning_compose.callbacks.evaluation import Evaluation
from lightning_compose.callbacks.flops import Flops
from lightning_compose.callbacks.loss_curve import LossCurve
from lightning_compose.callbacks.preemption import Preemption
from lightning_compose.callbacks.progress import StepProgress
from lightning_compose.callbacks.reconstructions import Reconstructions
from lightning_compose.callbacks.sample_report import SampleReporter
from lightning_compose.callbacks.samples import SampleGrid
from lightning_compose.cli import PROG, run_folder
from lightning_compose.cli.config_files import CommandLine, read_command_line, without_nulls
from lightning_compose.cli.curriculum_config import settle_curriculum
from lightning_compose.cli.errors import explain
from lightning_compose.cli.first_process import is_first_process
from lightning_compose.cli.interruption import TERMINATED, Interruption
from lightning_compose.cli.loggers import leave_open, place_in, run_loggers
from lightning_compose.cli.loss_classes import require_loss_classes
from lightning_compose.cli.quiet import without_loading_bars
from lightning_compose.cli.run_lock import locked
from lightning_compose.cli.run_start import RunStart
from lightning_compose.curriculum import Curriculum
from lightning_compose.data.datamodule import ConPairDataModule
from lightning_compose.data.remote.limits import downloads_of
from lightning_compose.data.shards import ShardSet
from lightning_compose.inference import choose_weights, read_checkpoint
from lightning_compose.module import ComposeModule
from lightning_compose.process_group import leaving_process_group
from lightning_compose.sharding import require_known_sharding

# Imported for their names: a config may then say `class_path: StableDiffusion` without the module.
__all__ = ["ComposeCLI", "backbones", "fully_sharded", "losses", "run"]

PARSER_MODE = "omegaconf+"
WEIGHTS_HELP = "The average over the steps, or those of the last step; null = the average where the checkpoint has one."
TRAINER_DEFAULTS = {
    # The loader is endless: training is driven by max_steps, and no epoch ever ends.
    "max_epochs": -1,
    "check_val_every_n_epoch": None,
    "val_check_interval": 1000,
    "num_sanity_val_steps": 0,
    "gradient_clip_val": 1.0,
    "log_every_n_steps": 10,
    "enable_model_summary": False,
}


class SaveConfig(SaveConfigCallback):
    """Save the configuration into the run's folder when training starts, over that of the life before."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Do nothing yet: what may still fail must leave the folder as it was."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            self.save_config(trainer, pl_module, "fit")

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        config = self.config.clone()
        # Where one life started from is no setting of the run.
        config["ckpt_path"] = None
        leave_open(config["run_dir"], config["trainer"]["logger"])
        file = Path(trainer.default_root_dir) / run_folder.CONFIG_NAME
        file.parent.mkdir(parents=True, exist_ok=True)
        self.parser.save(config, file, skip_none=False, overwrite=True)


class ComposeCLI(LightningCLI):
    """The command line of fit, validate and test.

    Args:
        command: One of them.
        line: The arguments after it, config files merged.
        module_class: Its arguments are the key `model`.
        datamodule_class: Its arguments are the key `data`.
    """

    def __init__(
        self,
        command: str,
        line: CommandLine,
        module_class: type[LightningModule],
        datamodule_class: type[LightningDataModule],
    ) -> None:
        self.command = command
        self.line = line
        self.until_done = ExitStack()
        try:
            with leaving_process_group(), self.until_done:
                self._run(module_class, datamodule_class)
        except SIGTERMException:
            # Lightning ends validate and test with code 0.
            raise SystemExit(TERMINATED) from None

    def _run(self, module_class: type[LightningModule], datamodule_class: type[LightningDataModule]) -> None:
        command = self.command
        parser_settings = {"parser_mode": PARSER_MODE, "exit_on_error": False, "allow_abbrev": False}
        super().__init__(
            module_class,
            datamodule_class,
            save_config_callback=SaveConfig,
            save_config_kwargs={"save_to_log_dir": False},
            trainer_defaults=TRAINER_DEFAULTS,
            parser_kwargs={"prog": PROG, **parser_settings, command: dict(parser_settings)},
            # The module makes its own optimizer: the parser's would not see the losses' heads.
            auto_configure_optimizers=False,
            args=[command, f"--config={json.dumps(self.line.config)}", *self.line.arguments],
        )

    # -- parsing -------------------------------------------------------------------------------------

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        # One parser instead of four: each costs a second of start.
        skipped = {"model", "train_dataloaders", "val_dataloaders", "dataloaders", "datamodule", "weights_only"}
        return {self.command: skipped}

    def add_default_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument("--seed_everything", type=int, default=0, help="Seed of the run, its model and its data.")
        parser.add_argument(
            "--run_dir",
            type=str,
            default=run_folder.default_run_dir(self.line.files),
            help="Folder of the run: checkpoints, config, pictures, logs.",
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument(
            "--losses",
            type=dict[str, losses.LossCallback],
            default={},
            help="Terms of the loss beside denoising, by name: --losses.NAME CLASS, --losses.NAME.weight 0.5",
        )
        parser.add_lightning_class_args(Checkpoint, "checkpoint")
        parser.add_lightning_class_args(SampleGrid, "pictures")
        parser.add_lightning_class_args(AttentionMaps, "attention_maps")
        parser.add_lightning_class_args(Reconstructions, "reconstructions")
        parser.add_lightning_class_args(LossCurve, "loss_curve")
        parser.add_lightning_class_args(EMA, "ema")
        parser.add_lightning_class_args(Evaluation, "evaluation")
        parser.add_lightning_class_args(Curriculum, "curriculum")
        parser.add_lightning_class_args(Flops, "flops")
        if self.command != "fit":
            parser.add_argument("--weights", type=Weights | None, default=None, help=WEIGHTS_HELP)
        known = parser.get_defaults(skip_validation=True)
        for key in ("model.seed", "data.seed"):
            # A user's subclass may have fixed its seed.
            if key in known:
                parser.link_arguments("seed_everything", key)
        parser.link_arguments("run_dir", "trainer.default_root_dir")
        parser.link_arguments("run_dir", "checkpoint.dirpath", compute_fn=run_folder.checkpoints_folder)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        try:
            self.config = parser.parse_args(args)
        except ArgumentError as error:
            known = self._subcommand_parsers[self.command].get_defaults(skip_validation=True).keys()
            error.message = explain(error.message, known)
            raise

    def _parse_ckpt_path(self) -> None:
        """Leave the configuration alone: LightningCLI would put the checkpoint's hyperparameters over it."""

    # -- before the classes are made -----------------------------------------------------------------

    def before_instantiate_classes(self) -> None:
        config = self.config[self.command]
        require_loss_classes(config.losses)
        if isinstance(self.datamodule_class, type) and issubclass(self.datamodule_class, ConPairDataModule):
            root = config.data.get("test_root" if self.command == "test" else "root")
            _require_shards(root, config.data.get("download_dir"))
        # On a CPU, Lightning would refuse it in words of its own.
        strategy = config.trainer.strategy
        require_known_sharding(strategy if isinstance(strategy, str) else strategy.class_path)
        if self.command == "fit":
            _require_max_steps(config.trainer, has_stages=bool(config.curriculum.stages))
            if is_first_process() and not config.trainer.fast_dev_run:
                self.until_done.enter_context(locked(config.run_dir))
            self.checkpoint = run_folder.resolve_checkpoint(config.ckpt_path, config.run_dir)
            if is_first_process():
                self._say_where_it_starts(config.ckpt_path, config.run_dir)
        else:
            self.checkpoint = run_folder.require_checkpoint(config.ckpt_path, config.run_dir)
        place_in(config.run_dir, config.trainer.logger)

    def _say_where_it_starts(self, ckpt_path: str | None, run_dir: str) -> None:
        if self.checkpoint is not None:
            print(f"Going on from {self.checkpoint}")
        elif ckpt_path == "last":
            print(f"Starting afresh: no checkpoint in {run_folder.checkpoints_folder(run_dir)}")

    def instantiate_classes(self) -> None:
        with without_loading_bars():
            super().instantiate_classes()

    # -- the trainer ---------------------------------------------------------------------------------

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        config = self._get(self.config_init, "trainer")
        callbacks = [*_as_list(config.callbacks), *self._named_losses()]
        if config.enable_progress_bar is not False and not any(isinstance(each, ProgressBar) for each in callbacks):
            callbacks.append(StepProgress())
        callbacks.append(SampleReporter())
        if self.command == "fit":
            callbacks.append(Preemption())
        loggers = run_loggers(config.logger, self._get(self.config_init, "run_dir"), self.command)
        # A dry run writes nothing: there the Trainer has no loggers but dummies.
        if self.command == "fit" and not config.fast_dev_run:
            callbacks = [RunStart(loggers, afresh=self.checkpoint is None), *callbacks, Interruption()]
            loggers = []
        return super().instantiate_trainer(callbacks=callbacks, logger=loggers, **kwargs)

    def _instantiate_trainer(self, config: dict[str, Any], callbacks: list[Callback]) -> Trainer:
        if config["enable_checkpointing"] is False:
            callbacks = [each for each in callbacks if not isinstance(each, Checkpoint)]
        try:
            return super()._instantiate_trainer(config, callbacks)
        except ValueError as error:
            # Such as a strategy that there is not: the user's mistake, which Lightning tells by a traceback.
            raise ValueError(f"Expected settings that Lightning's Trainer takes, got its refusal: {error}") from error

    def after_instantiate_classes(self) -> None:
        # A damaged file is refused in one line; Lightning would give a traceback later.
        content = {} if self.checkpoint is None else read_checkpoint(self.checkpoint)
        if self.command != "fit":
            chosen = choose_weights(content, self._get(self.config, "weights"), self.checkpoint)
            self._get(self.config_init, "ema").weights = chosen

    def before_fit(self) -> None:
        """Check what would fail only in the first step, when the folder is touched already."""
        size_px = getattr(self.datamodule, "size_px", None)
        if isinstance(self.model, ComposeModule) and size_px is not None:
            self.model.backbone.latent_shape(size_px, size_px)

    def _named_losses(self) -> list[losses.LossCallback]:
        named = self._get(self.config_init, "losses")
        for name, callback in named.items():
            callback.name = name
        return list(named.values())

    def _prepare_subcommand_kwargs(self, subcommand: str) -> dict[str, Any]:
        ckpt_path = None if self.checkpoint is None else str(self.checkpoint)
        return {**super()._prepare_subcommand_kwargs(subcommand), "ckpt_path": ckpt_path, "weights_only": True}


def run(
    command: str,
    arguments: Sequence[str],
    module_class: type[LightningModule] | None = None,
    datamodule_class: type[LightningDataModule] | None = None,
) -> None:
    """Run fit, validate or test; see `lightning_compose.cli.main`."""
    line = without_nulls(settle_curriculum(read_command_line(arguments)))
    ComposeCLI(command, line, module_class or ComposeModule, datamodule_class or ConPairDataModule)


def _require_max_steps(trainer: Any, has_stages: bool) -> None:
    follows = trainer.max_steps == -1 and has_stages
    if trainer.max_steps < 1 and not (follows or trainer.fast_dev_run):
        raise ValueError(
            f"Expected trainer.max_steps to be the number of optimizer steps to train, got {trainer.max_steps}. "
            "Set --trainer.max_steps, or the stages of a curriculum."
        )


def _require_shards(root: str | None, download_dir: str | None) -> None:
    # Before the model is made, which may first have to be downloaded. A subclass may have fixed its root.
    if root is not None:
        ShardSet(root, downloads_of(download_dir, None))


def _as_list(callbacks: Callback | list[Callback] | None) -> list[Callback]:
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, list) else [callbacks]
