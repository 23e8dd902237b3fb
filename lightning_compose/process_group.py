"""Leave torch's process group before the interpreter ends."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import torch.distributed as dist

# Imported for the moment of it: its functions have the default group as a default argument. Imported after the group
# was made, as DDP does, they would keep it, and with it its threads, to the end.
import torch.distributed.nn.functional  # noqa: F401


@contextmanager
def leaving_process_group() -> Iterator[None]:
    """Leave the process group when the block is done, or raises SystemExit.

    A thread of gloo that frees a tensor after the interpreter has gone aborts the process ("terminate called without an
    active exception"): a run that had ended well then exits with code 134 (pytorch#190489). Lightning leaves the groups
    of nccl alone. After an error nothing is left: its threads may wait for a rank that will not come.
    """
    try:
        yield
    except SystemExit:
        leave_process_group()
        raise
    leave_process_group()


def leave_process_group() -> None:
    """Leave the process group, if there is one, and wait for its threads to end."""
    if dist.is_initialized():
        # DDP's wrapper holds the group, and may be part of a cycle.
        gc.collect()
        dist.destroy_process_group()
