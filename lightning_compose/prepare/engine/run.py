"""Blocks of rows through workers that hold models, on Ray Data: embedded on one machine, or on a cluster by address."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tqdm import tqdm

from lightning_compose.prepare.engine.block_actor import BlockActor, BlockTask
from lightning_compose.prepare.engine.blocks import Block, Worker, cut
from lightning_compose.prepare.engine.ray_start import require_room, start_ray
from lightning_compose.prepare.rows import AnyRow

if TYPE_CHECKING:
    from lightning_compose.prepare.settings import EngineSettings


class WorkerError(RuntimeError):
    """A worker's own error, told by the process that waits for it."""


def run_blocks(
    rows: Sequence[AnyRow],
    worker: type[Worker[AnyRow]],
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
        task = BlockTask(worker, worker_arguments, step_folder.resolve(), engine.threads_per_worker, uuid4().hex)
        for outcome in _outcomes(still_open, task, engine):
            _require_success(outcome, step_folder.name)
            bar.update(outcome["rows"])


def _outcomes(blocks: Sequence[Block], task: BlockTask, engine: EngineSettings) -> Iterator[dict[str, Any]]:
    if not blocks:
        return
    start_ray(engine)
    import ray

    workers = min(engine.workers, len(blocks))
    require_room(engine, workers)
    # A block of ours is one of Ray's, so that it comes back as soon as it is made.
    items = ray.data.from_items([{"block": pickle.dumps(each)} for each in blocks], override_num_blocks=len(blocks))
    # Of a class Ray makes an object in each process; its types know functions only.
    actor: Any = BlockActor
    made = items.map(
        actor,
        fn_constructor_kwargs={"task": task, "python_path": sys.path},
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=engine.cpus_per_worker,
        num_gpus=engine.gpus_per_worker,
    )
    yield from made.iter_rows()


def _require_success(outcome: Mapping[str, Any], step: str) -> None:
    if outcome["error"]:
        error = WorkerError(
            f"Expected block {outcome['block']} of {step} to be made, got {outcome['error']} Blocks that are done "
            "stay: the same command goes on."
        )
        error.add_note(outcome["traceback"])
        raise error
