"""Blocks of rows through workers that hold models, on Ray Data: embedded on one machine, or on a cluster by address."""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from lightning_compose.prepare.blocks import Block, BlockImages, Worker, cut, make
from lightning_compose.prepare.ray_start import require_room, start_ray
from lightning_compose.prepare.rows import Row

if TYPE_CHECKING:
    from lightning_compose.prepare.settings import EngineSettings

__all__ = ["BlockImages", "Worker", "WorkerError", "run_blocks"]

# A worker may be killed for memory once; one that dies of its block each time must not do so for ever.
MAX_RESTARTS = 2


class WorkerError(RuntimeError):
    """A worker's own error, told by the process that waits for it."""


def run_blocks(
    rows: Sequence[Row],
    worker: type[Worker],
    worker_arguments: Mapping[str, Any],
    step_folder: Path,
    engine: EngineSettings,
    unit: str,
) -> None:
    """Have every block made that is not yet: one is when its file of rows is there.

    Args:
        rows: That the step reads.
        worker: Makes the blocks; see `Worker`.
        worker_arguments: It is built from these, once in each process.
        step_folder: As `Workspace.begin` returns it.
        engine: How many workers, where.
        unit: What a row is, for the progress bar.

    Raises:
        WorkerError: When a worker raised; blocks that are done stay.
        ValueError: When the machines have too little for the workers.
    """
    blocks = cut(rows, engine.block_rows)
    still_open = [each for each in blocks if not each.file(step_folder).is_file()]
    done = len(rows) - sum(len(each.rows) for each in still_open)
    with tqdm(desc=step_folder.name, total=len(rows), initial=done, unit=unit) as bar:
        actor = {"worker": worker, "arguments": worker_arguments, "threads": engine.threads_per_worker}
        actor["step_folder"] = step_folder.resolve()
        for outcome in _outcomes(still_open, actor, engine):
            _require_success(outcome, step_folder.name)
            bar.update(outcome["rows"])


def _outcomes(blocks: Sequence[Block], actor: dict[str, Any], engine: EngineSettings) -> Iterator[dict[str, Any]]:
    if not blocks:
        return
    start_ray(engine)
    import ray

    workers = min(engine.workers, len(blocks))
    require_room(engine, workers)
    # A block of ours is one of Ray's, so that it comes back as soon as it is made.
    items = ray.data.from_items([{"block": pickle.dumps(each)} for each in blocks], override_num_blocks=len(blocks))
    made = items.map(
        _BlockActor,
        fn_constructor_kwargs=actor,
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=engine.cpus_per_worker,
        num_gpus=engine.gpus_per_worker,
        max_restarts=MAX_RESTARTS,
        max_task_retries=MAX_RESTARTS,
    )
    yield from made.iter_rows()


class _BlockActor:
    """A worker in its process. Errors are values here, for Ray would bury their message in its own."""

    def __init__(self, worker: type[Worker], arguments: Mapping[str, Any], threads: int, step_folder: Path) -> None:
        self._class, self._arguments, self._threads = worker, arguments, threads
        self._step_folder = step_folder
        self._worker: Worker | None = None

    def __call__(self, item: dict[str, Any]) -> dict[str, Any]:
        block: Block = pickle.loads(item["block"])
        outcome = {"block": block.name, "rows": len(block.rows), "error": "", "traceback": ""}
        try:
            make(block, self._built(), self._step_folder)
        except Exception as error:
            outcome |= {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
        return outcome

    def _built(self) -> Worker:
        if self._worker is None:
            # Their number decides the order of sums, and so the last bits. torch reads it when it is imported.
            os.environ["OMP_NUM_THREADS"] = str(self._threads)
            self._worker = self._class(**self._arguments)
            if "torch" in sys.modules:
                sys.modules["torch"].set_num_threads(self._threads)
        return self._worker


def _require_success(outcome: Mapping[str, Any], step: str) -> None:
    if outcome["error"]:
        error = WorkerError(
            f"Expected block {outcome['block']} of {step} to be made, got {outcome['error']} Blocks that are done "
            "stay: the same command goes on."
        )
        error.add_note(outcome["traceback"])
        raise error
