"""Run a function in a child process that may neither take much, nor hang, nor reach out."""

import contextlib
import faulthandler
import gc
import json
import os
import resource
import select
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAX_BYTES = 2**30
CPU_LIMIT_S = 20
# Long enough for a machine that others use: what counts is the processor's time.
WAIT_S = 300
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.", "pickle.", "socket.",
              "ctypes.dlopen", "os.fork", "os.chmod", "os.symlink", "os.link", "shutil.", "code.__new__")  # fmt: skip


@dataclass
class Report:
    """What a child did. `failure` is None if it came back with a value and kept to its place."""

    value: Any = None
    failure: str | None = None
    peak_bytes: int = 0
    cpu_s: float = 0.0
    escapes: list[str] = field(default_factory=list)


def run(action: Callable[[], Any], writable: Path) -> Report:
    """Run `action` in a forked child; its result must be plain JSON.

    Args:
        action: May raise; whatever it raises is a failure.
        writable: The only folder that it may write to.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _live(action, writable, writing)
    os.close(writing)
    with open(reading, "rb") as pipe:
        ready, _, _ = select.select([pipe], [], [], WAIT_S)
        if not ready:
            os.kill(child, signal.SIGKILL)
        answer = pipe.read()
    _, status, usage = os.wait4(child, 0)
    report = _report(answer, status)
    report.cpu_s = usage.ru_utime + usage.ru_stime
    return report


def _report(answer: bytes, status: int) -> Report:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        kind = "hang" if number in (signal.SIGXCPU, signal.SIGKILL) else "crash"
        return Report(failure=f"{kind} ({signal.Signals(number).name})")
    report = Report(**json.loads(answer))
    if report.escapes:
        report.failure = f"escape ({report.escapes[0]})"
    return report


def _live(action: Callable[[], Any], writable: Path, pipe: int) -> None:
    """Be the child: never returns."""
    gc.disable()  # A collection would copy the parent's pages.
    faulthandler.disable()
    report, before = Report(), _status_bytes("VmRSS")
    _limit()
    _watch(report.escapes, os.path.realpath(writable))
    try:
        report.value = action()
    except BaseException as error:  # The child must not come back as a second parent.
        report.failure = "memory" if holds_memory_error(error) else f"error ({type(error).__name__}: {error})"[:300]
    report.peak_bytes = max(0, _status_bytes("VmHWM") - before)
    with contextlib.suppress(OSError):
        os.write(pipe, json.dumps(vars(report)).encode())
    os._exit(0)


def holds_memory_error(error: BaseException | None) -> bool:
    """Tell whether an error is, or was caught as, a lack of memory."""
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**26, 2**26))
    allowed = _status_bytes("VmData") + MAX_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))


def _status_bytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def _watch(escapes: list[str], writable: str) -> None:
    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str) and arguments[2] & _WRITES:
            if not os.path.realpath(arguments[0]).startswith(writable + os.sep):
                escapes.append(f"wrote {arguments[0]}")
        elif event.startswith(_FORBIDDEN):
            escapes.append(event)

    # Nothing takes a hook away again; it goes with the child.
    sys.addaudithook(hook)
