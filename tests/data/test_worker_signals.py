"""A worker outlives the signals of a scheduler, not those of its loader."""

import multiprocessing
import os
import signal

import pytest

from lightning_compose.data.worker_signals import obey_only_the_parent

ANSWER = "still here"


def answer(pipe):
    obey_only_the_parent()
    pipe.send(ANSWER)
    while pipe.recv():
        pipe.send(ANSWER)


@pytest.fixture
def worker():
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=answer, args=(there,), daemon=True)
    process.start()
    assert here.recv() == ANSWER
    yield process, here
    process.kill()
    process.join()


def signalled_by_another(process, number):
    sender = multiprocessing.get_context("fork").Process(target=os.kill, args=(process.pid, number))
    sender.start()
    sender.join()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_schedulers_signal_is_ignored(worker, number):
    process, pipe = worker
    for _ in range(3):
        signalled_by_another(process, number)
        pipe.send(True)
        assert pipe.recv() == ANSWER


def test_the_loader_can_still_end_it(worker):
    process, _ = worker
    signalled_by_another(process, signal.SIGTERM)
    process.terminate()
    process.join(10)
    assert process.exitcode == 0
