"""A worker in its process, block after block."""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_compose.prepare.engine.attempts import Attempts
from lightning_compose.prepare.engine.blocks import Block, Worker, make

# Ray restarts a worker as often as it dies: a block may have met a machine that failed, but hardly thrice.
MAX_ATTEMPTS = 3


@dataclass(frozen=True)
class BlockTask:
    """What all workers of a run have in common.

    Args:
        worker: Class of the worker.
        arguments: Of that class.
        step_folder: Where the blocks go.
        threads: Of a worker's libraries.
        run: Tells this run from others.
    """

    worker: type[Worker[Any]]
    arguments: Mapping[str, Any]
    step_folder: Path
    threads: int
    run: str


class BlockActor:
    """Has blocks made. Errors are values here, for Ray would bury their message in its own.

    Args:
        task: Of the run.
        python_path: Of the process that started it: its models may be named by modules that lie there.
    """

    def __init__(self, task: BlockTask, python_path: Sequence[str]) -> None:
        self._task = task
        self._worker: Worker[Any] | None = None
        sys.path.extend(each for each in python_path if each not in sys.path)

    def __call__(self, item: dict[str, Any]) -> dict[str, Any]:
        """Make a block, and return its name, its number of rows and its error, empty = none.

        Args:
            item: With the pickled block.
        """
        block: Block = pickle.loads(item["block"])
        outcome = {"block": block.name, "rows": len(block.rows), "error": "", "traceback": ""}
        try:
            self._make(block)
        except Exception as error:
            outcome |= {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
        return outcome

    def _make(self, block: Block) -> None:
        attempts = Attempts(self._task.step_folder, block.name, self._task.run)
        try:
            if attempts.begin() > MAX_ATTEMPTS:
                raise ChildProcessError(
                    f"Expected a worker to live through this block, got {MAX_ATTEMPTS} that died of it, as for want of "
                    "memory."
                )
            make(block, self._built(), self._task.step_folder)
        finally:
            attempts.forget()

    def _built(self) -> Worker[Any]:
        if self._worker is None:
            # Their number decides the order of sums, and so the last bits. torch reads it when it is imported.
            os.environ["OMP_NUM_THREADS"] = str(self._task.threads)
            self._worker = self._task.worker(**self._task.arguments)
            if "torch" in sys.modules:
                sys.modules["torch"].set_num_threads(self._task.threads)
        return self._worker
