"""One Ray a process: started here, or that of a cluster."""

from __future__ import annotations

import logging
import math
import os
import re
from typing import TYPE_CHECKING, Any

from lightning_compose.prepare.engine.held_back import without_lines

if TYPE_CHECKING:
    from lightning_compose.prepare.settings import EngineSettings

STARTS = 3
QUIET: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
# Blocks hold texts and numbers; images go to the disk.
OBJECT_STORE_BYTES = 128 * 2**20
# Read when it is started. Its workers would give way to everything else on the machine: they do the work here.
ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal", "RAY_worker_niceness": "0"}
# Ray's native part says that it was told to say nothing, before it heeds it.
LOG_LEVEL_LINE = re.compile(rb"Set ray log level from environment variable RAY_BACKEND_LOG_LEVEL")


def start_ray(engine: EngineSettings) -> None:
    """Start Ray, or connect to it, unless this process has already; it ends with the process.

    Args:
        engine: Where, and room for how many workers.

    Raises:
        ModuleNotFoundError: When it is not installed.
        ConnectionError: When it does not start, or is not at the address.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import ray

    if not ray.is_initialized():
        with without_lines(LOG_LEVEL_LINE):
            if engine.address is None:
                _start_here(engine)
            else:
                _connect(engine.address)
    _be_quiet()


def _start_here(engine: EngineSettings) -> None:
    import ray

    cores = max(os.cpu_count() or 1, math.ceil(engine.workers * engine.cpus_per_worker))
    room: dict[str, Any] = {"num_cpus": cores, "object_store_memory": OBJECT_STORE_BYTES}
    for _ in range(STARTS):
        try:
            ray.init("local", include_dashboard=False, **room, **QUIET)
            return
        except Exception as error:
            # Its parts do not wait for each other longer than 30 s, which is not settable.
            ray.shutdown()
            failed = error
    raise ConnectionError(
        f"Expected Ray to start on this machine, got {STARTS} failures, the last: {failed} Try when it is less "
        "busy, or set `engine.address` to a Ray that runs."
    ) from failed


def _connect(address: str) -> None:
    import ray

    try:
        ray.init(address, **QUIET)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConnectionError(
            f"Expected a Ray cluster at `engine.address` {address!r}, got: {error} Start one with `ray start "
            "--head`, or leave the address out."
        ) from error


def _be_quiet() -> None:
    import ray

    context = ray.data.DataContext.get_current()
    # The bar of ours counts rows, and those of earlier runs.
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)


def require_room(engine: EngineSettings, workers: int) -> None:
    """Refuse workers that would wait for ever for processors that there are not.

    Args:
        engine: What each of them takes.
        workers: How many.

    Raises:
        ValueError: When the machines have less.
    """
    import ray

    there = ray.cluster_resources()
    for name, each, setting in (
        ("CPU", engine.cpus_per_worker, "cpus_per_worker"),
        ("GPU", engine.gpus_per_worker, "gpus_per_worker"),
    ):
        if workers * each > there.get(name, 0):
            raise ValueError(
                f"Expected {workers * each:g} {name}s for {workers} workers, got machines with "
                f"{there.get(name, 0):g}. Lower `engine.workers` or `engine.{setting}`."
            )
