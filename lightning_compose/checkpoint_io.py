"""Checkpoint files that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from lightning_compose.data.durable import flush_folder

PARTIAL = ".part"


class StagedCheckpointIO(TorchCheckpointIO):
    """Write a checkpoint beside its final name, and give it that name when all of it is on the disk.

    Lightning's own, its base, holds a second copy in memory and a third one in ``$TMPDIR``; from another file system
    that arrives in pieces under the final name.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        if "://" in str(path):
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        file, part = Path(path), Path(f"{path}{PARTIAL}")
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as handle:
                torch.save(checkpoint, handle)
                handle.flush()
                # Before the name: after a power cut it would stand for an empty file.
                os.fsync(handle.fileno())
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        part.replace(file)
        flush_folder(file.parent)

    def load_checkpoint(
        self, path: str | Path, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Load a checkpoint of tensors and plain values; code in it is never run.

        Raises:
            ValueError: For a URL, which Lightning would load with the code that is in it.
        """
        if str(path).startswith(("http://", "https://")):
            raise ValueError(
                f"Expected the checkpoint to be a file, got the URL '{path}'. Loading it could run code: download it "
                "from a source that you trust, and give the file."
            )
        return super().load_checkpoint(path, map_location, weights_only=True)


def remove_partial(folder: Path) -> None:
    """Remove what a kill in the middle of a write left: files as large as a checkpoint."""
    for part in folder.glob(f"*{PARTIAL}"):
        part.unlink(missing_ok=True)
