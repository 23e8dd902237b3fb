"""The sandbox notices what it is there for."""

import os
import pickle
import signal

import numpy as np
import pytest

from tests.data.fuzz import sandbox
from tests.data.fuzz.sandbox import run


class Command:
    def __reduce__(self):
        return os.getpid, ()


def hidden_lack_of_memory():
    try:
        np.ones(2**29)
    except MemoryError as error:
        raise ValueError("a bad sample") from error


@pytest.mark.parametrize(
    ("action", "failure"),
    [
        (lambda: np.ones(2**29).tolist(), "memory"),
        (hidden_lack_of_memory, "memory"),
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), "crash"),
        (lambda: os.system("true"), "escape"),
        (lambda: pickle.loads(pickle.dumps(Command())), "escape"),
        (lambda: open("/dev/null", "w").close(), "escape"),
        (lambda: os.close(os.open("/dev/null", os.O_WRONLY)), "escape"),
        (lambda: 1 // 0, "error"),
    ],
)
def test_what_must_not_happen_is_a_failure(tmp_path, action, failure):
    assert run(action, tmp_path).failure.startswith(failure)


def test_an_endless_loop_is_a_hang(tmp_path, monkeypatch):
    def loop():
        while True:
            pass

    monkeypatch.setattr(sandbox, "CPU_LIMIT_S", 1)
    assert run(loop, tmp_path).failure.startswith("hang")


def test_what_may_happen_is_none(tmp_path):
    def work():
        (tmp_path / "file").write_text("inside")
        return len(bytearray(2**28))

    report = run(work, tmp_path)
    assert (report.failure, report.value, report.escapes) == (None, 2**28, [])
    assert 2**28 <= report.peak_bytes < 2**29
    assert (tmp_path / "file").read_text() == "inside"
