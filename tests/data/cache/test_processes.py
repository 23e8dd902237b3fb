"""Shards shared out among processes."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from fake_encoder import FakeEncoder, FakeRecipe

from lightning_compose.data.cache import FeatureCache
from lightning_compose.data.cache.identity import cache_identity
from lightning_compose.data.cache.processes import write_all
from lightning_compose.data.cache.writer import CacheWriter
from lightning_compose.data.shards import ShardSet

TESTS = Path(__file__).parents[2]
ENDLESS = """
import sys
from pathlib import Path
from fake_encoder import EndlessRecipe, FakeEncoder
from lightning_compose.data.cache.processes import write_all
from lightning_compose.data.cache.writer import CacheWriter
from lightning_compose.data.shards import ShardSet
writer = CacheWriter(ShardSet(sys.argv[1]), Path(sys.argv[2]), 16)
write_all(writer, writer.missing(), FakeEncoder(), EndlessRecipe(), 2, print)
"""


@pytest.fixture
def writer(write_set, tmp_path):
    writer = CacheWriter(ShardSet(write_set()), tmp_path / "cache", 16)
    writer.begin(cache_identity(writer.shards, 16, None), FakeEncoder())
    return writer


def test_two_processes_write_all_shards_and_tell_every_sample(writer):
    told = []
    write_all(writer, writer.missing(), FakeEncoder(), FakeRecipe(), 2, told.append)
    assert sum(told) == 9
    assert writer.finish() == 0
    assert len(FeatureCache(writer.root)) == 9


def test_the_error_of_a_process_is_raised(writer):
    with pytest.raises(ValueError, match="Expected images, got a test"):
        write_all(writer, writer.missing(), FakeEncoder(), FakeRecipe(fails=True), 2, print)
    assert len(writer.missing()) == 6


def test_no_process_is_refused(writer):
    with pytest.raises(ValueError, match="`processes` to be at least 1, got 0"):
        write_all(writer, [], FakeEncoder(), FakeRecipe(), 0, print)


def test_processes_end_with_a_parent_that_is_killed(writer):
    command = [sys.executable, "-c", ENDLESS, str(writer.shards.root), str(writer.root)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(TESTS), str(TESTS.parent)))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:
        processes = [int(parent.stdout.readline()) for _ in range(2)]
        parent.kill()
        try:
            # They hold the other end of its output: it ends when the last of them does.
            parent.communicate(timeout=30)
        finally:
            for each in processes:
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)
