"""Keep a loader's workers alive when a scheduler signals all processes of a job."""

from __future__ import annotations

import os
import signal
import threading


def obey_only_the_parent(worker_id: int = 0) -> None:
    """Ignore SIGTERM and SIGUSR1, but for the SIGTERM by which the loader ends its workers.

    PyTorch lets a worker die of any SIGTERM, and its loader raise wherever the training happens to be: then nothing is
    left to save a checkpoint with. Give it to a DataLoader as `worker_init_fn`.
    """
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    # Only `sigwaitinfo` tells who sent a signal; it has to be blocked for that.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_end_with_the_parents_signal, args=(os.getppid(),), daemon=True).start()


def _end_with_the_parents_signal(parent: int) -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)
