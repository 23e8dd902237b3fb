"""The run's folder: one setting, the same in every life of the run.

::

    runs/shapes/
      config.yaml         the configuration of the latest life
      checkpoints/        last.ckpt points to the latest
      pictures/           samples and reconstructions
      loss_curve.png
      curriculum.png      the plan of the run, where it has stages
      evaluation/STEP/    how the model at that step did in the benchmark
      csv/version_N/      what was logged, one folder a life
      tensorboard/        the same for TensorBoard
      .lock               held while a fit runs here
      earlier-N/          what a previous run left here, when a new one started from its beginning
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

CONFIG_NAME = "config.yaml"
CHECKPOINTS = "checkpoints"
LAST_CHECKPOINT = "last.ckpt"
CONTENT = (
    CONFIG_NAME,
    CHECKPOINTS,
    "pictures",
    "loss_curve.png",
    "loss_terms.png",
    "curriculum.png",
    "evaluation",
    "csv",
    "tensorboard",
)


def default_run_dir(config_files: Sequence[Path]) -> str:
    """Name the folder after the config files: ``runs/shapes``, with an overlay ``runs/shapes-overlay``."""
    return f"runs/{'-'.join(file.stem for file in config_files) or 'default'}"


def checkpoints_folder(run_dir: str) -> str:
    """Return where the run's checkpoints lie."""
    return str(Path(run_dir) / CHECKPOINTS)


def last_checkpoint(run_dir: str) -> Path | None:
    """Return the run's latest checkpoint, None when there is none."""
    file = Path(run_dir) / CHECKPOINTS / LAST_CHECKPOINT
    return file if file.is_file() else None


def resolve_checkpoint(ckpt_path: str | None, run_dir: str) -> Path | None:
    """Return the checkpoint file that ``--ckpt_path`` names; None for none, and for ``last`` where there is none yet.

    Raises:
        ValueError: For a URL.
        FileNotFoundError: When the file is missing.
    """
    if ckpt_path is None:
        return None
    if ckpt_path.startswith(("http://", "https://")):
        # Lightning would load it with weights_only=False, and so run code that it holds.
        raise ValueError(
            f"Expected --ckpt_path to be a file, got the URL '{ckpt_path}'. Loading it could run code: download it "
            "from a source that you trust, and give the file."
        )
    if ckpt_path == "last":
        return last_checkpoint(run_dir)
    if not Path(ckpt_path).is_file():
        raise FileNotFoundError(
            f"Expected --ckpt_path to be a checkpoint file or 'last', found no file '{ckpt_path}'. Check the path."
        )
    return Path(ckpt_path)


def require_checkpoint(ckpt_path: str | None, run_dir: str) -> Path | None:
    """Resolve ``--ckpt_path`` where a missing last checkpoint is an error.

    Raises:
        FileNotFoundError: When the named checkpoint is missing.
    """
    file = resolve_checkpoint(ckpt_path, run_dir)
    if ckpt_path is not None and file is None:
        raise FileNotFoundError(
            f"Expected '{Path(run_dir, CHECKPOINTS, LAST_CHECKPOINT)}' to exist, found no such file. "
            "Train first, or set --run_dir or --ckpt_path."
        )
    return file


def set_aside(run_dir: str) -> Path | None:
    """Move what an earlier run left in the folder into ``earlier-N`` there; return it, None when there was nothing."""
    left = [path for name in CONTENT if (path := Path(run_dir) / name).exists()]
    if not left:
        return None
    number = 1
    while (earlier := Path(run_dir) / f"earlier-{number}").exists():
        number += 1
    earlier.mkdir()
    for path in left:
        path.rename(earlier / path.name)
    return earlier
