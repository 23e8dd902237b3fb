"""How often a block was begun: one that takes its worker's life each time must not be begun for ever."""

from __future__ import annotations

from pathlib import Path

FOLDER = "attempts"


class Attempts:
    """Of one block, by one run.

    Args:
        step_folder: Of the step.
        block: Name of the block.
        run: Tells the run from those before it, in which the machine may have been another.
    """

    def __init__(self, step_folder: Path, block: str, run: str) -> None:
        self._file = step_folder / FOLDER / block
        self._run = run

    def begin(self) -> int:
        """Count one more, and return how many there are."""
        self._file.parent.mkdir(exist_ok=True)
        with self._file.open("a+") as file:
            file.write(f"{self._run}\n")
            file.seek(0)
            return file.read().split().count(self._run)

    def forget(self) -> None:
        """Start again from none: the block has ended, well or with an error."""
        self._file.unlink(missing_ok=True)
