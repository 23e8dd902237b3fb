"""Processes side by side, a deadline, and signals that reach all of them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

POLL_S = 0.2
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
# Of a process that gave way: by itself, as `fit` does, or because it had not begun to listen.
GAVE_WAY = tuple(code for number in SIGNALS for code in (128 + number, -number))


@dataclass(frozen=True)
class Job:
    """A process to run.

    Args:
        name: For people.
        command: What is run; what it prints is appended to `log`.
        log: A file.
        begin: Called right before it starts; whether it may.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    begin: Callable[[], bool] = lambda: True


@dataclass(frozen=True)
class Deadline:
    """When running processes are asked to give way, and when they are killed, by `time.monotonic`."""

    stop_s: float
    kill_s: float


class Executor:
    """Run jobs, some side by side, each in a process of its own.

    A signal, or the deadline, is passed on as SIGTERM: a `fit` saves the step that it is in, and ends. Nothing is
    started after that. Ctrl-C does not reach the processes themselves: it would cut the step off.

    Args:
        side_by_side: Processes at once.
        environment: Set for each, above this process's own.
        deadline: None = there is none.
    """

    def __init__(self, side_by_side: int, environment: Mapping[str, str], deadline: Deadline | None = None) -> None:
        self.side_by_side = side_by_side
        self.environment = {**os.environ, **environment}
        self.deadline = deadline
        self.received = 0
        self._running: dict[Job, subprocess.Popen[bytes]] = {}
        self._is_stopping = False

    def run(
        self, jobs: Sequence[Job], ended: Callable[[Job, int], None], meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        """Run until all have ended, or it is time to stop.

        Args:
            jobs: In the order in which they start.
            ended: Called with each job that has ended, and its exit code as `subprocess` tells it.
            meanwhile: Called several times a second.
        """
        waiting = list(jobs)
        with self._listening():
            while self._running or (waiting and not self.is_over):
                self._start(waiting)
                self._reap(ended)
                self._stop_when_due()
                meanwhile()
                time.sleep(POLL_S)

    def gave_way(self, code: int) -> bool:
        """Return whether a process that ended with this code did what it was asked to, and is to go on some day."""
        return code in GAVE_WAY or (self.is_over and code != 0)

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be started."""
        return bool(self.received) or (self.deadline is not None and time.monotonic() >= self.deadline.stop_s)

    def _start(self, waiting: list[Job]) -> None:
        for job in list(waiting):
            if len(self._running) >= self.side_by_side or self.is_over:
                return
            if job.begin():
                waiting.remove(job)
                self._running[job] = self._process(job)

    def _process(self, job: Job) -> subprocess.Popen[bytes]:
        job.log.parent.mkdir(parents=True, exist_ok=True)
        with job.log.open("ab") as log, _ignoring_ctrl_c():
            return subprocess.Popen(
                job.command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=self.environment
            )

    def _reap(self, ended: Callable[[Job, int], None]) -> None:
        for job, process in list(self._running.items()):
            code = process.poll()
            if code is not None:
                del self._running[job]
                ended(job, code)

    def _stop_when_due(self) -> None:
        if self.is_over and not self._is_stopping:
            self._is_stopping = True
            self._send(signal.SIGTERM)
        if self.deadline is not None and time.monotonic() >= self.deadline.kill_s:
            self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        for process in self._running.values():
            process.send_signal(number)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._receive) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            # There are some where something went wrong in this process.
            self._send(signal.SIGTERM)

    def _receive(self, number: int, _: FrameType | None) -> None:
        if self.received == number == signal.SIGINT:
            # Who presses Ctrl-C twice does not want to wait for the end of a step.
            self._send(signal.SIGKILL)
        self.received = number


@contextmanager
def _ignoring_ctrl_c() -> Iterator[None]:
    # A process inherits what is ignored when it starts; one that is told otherwise later would not.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
