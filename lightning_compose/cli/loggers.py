"""Where the loggers write: into the run's folder, at the same place in every life."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger


def run_loggers(configured: Logger | Iterable[Logger] | bool | None, run_dir: str, command: str) -> list[Logger]:
    """Return the loggers of a run.

    Args:
        configured: ``trainer.logger``: False = none, None or True = TensorBoard and CSV, else what the user chose.
        run_dir: The run's folder.
        command: What runs; only fit writes into the curves of the run.

    CSV is always among them, unless there are none: the loss curve is drawn from it. It takes a new ``version_N`` in
    each life, because Lightning's deletes the file that it finds.
    """
    if configured is False:
        return []
    records = CSVLogger(run_dir, name="csv" if command == "fit" else command, flush_logs_every_n_steps=1)
    if configured is None or configured is True:
        chosen: list[Logger] = [TensorBoardLogger(run_dir, name="", version="tensorboard")] if command == "fit" else []
    else:
        chosen = [configured] if isinstance(configured, Logger) else list(configured)
    return chosen if any(isinstance(each, CSVLogger) for each in chosen) else [*chosen, records]


def place_in(run_dir: str, logger_config: Any) -> None:
    """Let every logger in ``trainer.logger`` whose `save_dir` was left open save into the run's folder."""
    for init_args in _with_save_dir(logger_config):
        if init_args["save_dir"] in (None, "."):
            init_args["save_dir"] = run_dir


def leave_open(run_dir: str, logger_config: Any) -> None:
    """Undo `place_in`: a saved config may be run again in another folder."""
    for init_args in _with_save_dir(logger_config):
        if init_args["save_dir"] == run_dir:
            init_args["save_dir"] = "."


def _with_save_dir(logger_config: Any) -> list[Any]:
    loggers = logger_config if isinstance(logger_config, list) else [logger_config]
    settings = [getattr(each, "init_args", None) for each in loggers]
    return [each for each in settings if each is not None and "save_dir" in each]
