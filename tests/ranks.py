"""Ranks of a training as processes that a test can signal, forked from a server that has imported torch."""

import contextlib
import multiprocessing
import os
import socket
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

# For machines under load: what a rank does takes a second or two.
PATIENCE_S = 120.0

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["lightning_compose.cli.training"])


def alone(rank: int, world_size: int, port: int) -> dict[str, str]:
    """What the only process is told."""
    return {}


def torchrun_environment(rank: int, world_size: int, port: int) -> dict[str, str]:
    """What torchrun tells a rank."""
    return {
        "TORCHELASTIC_RUN_ID": "test",
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "GROUP_RANK": "0",
        "WORLD_SIZE": str(world_size),
        "LOCAL_WORLD_SIZE": str(world_size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }


def slurm_environment(rank: int, world_size: int, port: int) -> dict[str, str]:
    """What srun tells a task of a job on one node."""
    return {
        "SLURM_JOB_ID": "4242",
        "SLURM_JOB_NAME": "train",
        "SLURM_NTASKS": str(world_size),
        "SLURM_NTASKS_PER_NODE": str(world_size),
        "SLURM_NNODES": "1",
        "SLURM_PROCID": str(rank),
        "SLURM_LOCALID": str(rank),
        "SLURM_NODEID": "0",
        "SLURM_NODELIST": "localhost",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }


class Ranks:
    """The processes of one life of a training."""

    def __init__(self, processes: list[BaseProcess]) -> None:
        self.processes = processes

    def signal(self, rank: int, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.processes[rank].pid, number)

    def exit_codes(self) -> list[int]:
        """Wait for all to end; a rank that hangs fails the test."""
        until = time.monotonic() + PATIENCE_S
        for process in self.processes:
            process.join(max(0.0, until - time.monotonic()))
        codes = [process.exitcode for process in self.processes]
        assert None not in codes, f"Some rank hangs: {codes}"
        return codes


@contextlib.contextmanager
def started(
    function: Callable[..., None],
    *arguments: Any,
    world_size: int = 2,
    environment: Callable[[int, int, int], dict[str, str]] = torchrun_environment,
) -> Iterator[Ranks]:
    """Call the function, of a module that can be imported, in a process for each rank."""
    port = free_port()
    processes = [
        _context.Process(target=_run, args=(environment(rank, world_size, port), function, arguments))
        for rank in range(world_size)
    ]
    try:
        for process in processes:
            process.start()
        yield Ranks(processes)
    finally:
        for process in processes:
            if process.is_alive():
                process.kill()
            process.join()


def wait_for(file: Path, ranks: Ranks | None = None) -> None:
    """Wait until a file is there: tests keep step with their ranks by files, not by the clock."""
    until = time.monotonic() + PATIENCE_S
    while not file.exists():
        assert time.monotonic() < until, f"{file} never came"
        assert ranks is None or any(process.is_alive() for process in ranks.processes), f"all ended before {file} came"
        time.sleep(0.002)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _run(environment: dict[str, str], function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    os.environ.update(environment)
    # The loader's workers as they are in a run; a process of a server would have its workers from that server.
    multiprocessing.set_start_method("fork", force=True)
    function(*arguments)
