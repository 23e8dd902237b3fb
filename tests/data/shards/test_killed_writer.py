"""A writer killed at any moment leaves nothing to be taken for a set; a finished one has counted right (C23)."""

import os
import signal
import tarfile
from pathlib import Path

import pytest

from lightning_compose.data.shards import ShardError, ShardSet, ShardWriter
from lightning_compose.data.shards import writer as writer_module

# Calls of a function before which the process is killed: its owner, its name, and how many are let through.
MOMENTS = {
    "before the first sample": (ShardWriter, "write", 0),
    "inside the first shard": (ShardWriter, "write", 1),
    "inside the last shard": (ShardWriter, "write", 8),
    "before a shard is closed": (ShardWriter, "_close", 0),
    "between two shards": (ShardWriter, "_close", 2),
    "before the first name": (ShardWriter, "_publish", 0),
    "before the second name": (Path, "rename", 1),
    "before the index": (writer_module, "write_index", 0),
    "inside the index": (Path, "rename", 6),
    "before the last name": (Path, "rename", 7),
}
PUBLISHED = {"before the second name": 1, "before the index": 6, "inside the index": 6, "before the last name": 6}


def killed_before(owner, name, calls):
    """Replace a function by one that lets `calls` calls through and then kills the process."""
    original, left = getattr(owner, name), [calls]

    def function(*arguments, **settings):
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        return original(*arguments, **settings)

    setattr(owner, name, function)


def write(root, samples):
    with ShardWriter(root, samples_per_shard=2) as writer:
        for sample in samples:
            writer.write(sample)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_writer_leaves_no_set(tmp_path, make_sample, moment):
    samples = [make_sample(number) for number in range(9)]
    child = os.fork()
    if child == 0:
        killed_before(*MOMENTS[moment])
        write(tmp_path / "set", samples)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    with pytest.raises(ShardError, match=r"found none"):
        ShardSet(tmp_path / "set")
    write(tmp_path / "whole", samples)
    tars = sorted((tmp_path / "set").glob("[!.]*/*.tar"))
    assert len(tars) == PUBLISHED.get(moment, 0)
    for path in tars:
        assert path.read_bytes() == (tmp_path / "whole" / path.relative_to(tmp_path / "set")).read_bytes()


def test_the_index_counts_what_the_tars_hold(write_set):
    root = write_set()
    counts = {shard.path: shard.samples for shard in ShardSet(root).shards}
    for path in root.glob("*/*.tar"):
        with tarfile.open(path) as tar:
            keys = {member.name.split(".")[0] for member in tar}
        assert counts.pop(path.relative_to(root).as_posix()) == len(keys)
    assert counts == {}
