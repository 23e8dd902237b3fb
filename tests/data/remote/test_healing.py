"""Downloads that are damaged on this machine's disk: the server's copy is good."""

import os
import warnings

import numpy as np
import pytest

from lightning_compose.data.shards import ShardError, ShardSet
from lightning_compose.data.shards.table import write_index

ALL = range(9)


@pytest.fixture
def opened(write_set, server, downloads):
    """A local set, and the same one behind a URL with everything fetched."""
    folder = write_set()
    remote = ShardSet(f"{server.url}/{folder.name}", downloads)
    for row in ALL:
        remote.read(row)
    return ShardSet(folder), remote


def copy_of(shards, number):
    return shards.files.downloads.path(shards.files.file(shards.shards[number]))


def tar_requests(server):
    return [path for method, path, _ in server.requests if method == "GET" and path.endswith(".tar")]


def spoil(path):
    """Change every byte, in place: whoever has it open reads the change."""
    path.write_bytes(bytes(byte ^ 0xFF for byte in path.read_bytes()))


@pytest.mark.parametrize("damage", [spoil, lambda path: os.truncate(path, 100)], ids=["bytes", "cut"])
def test_a_copy_that_is_damaged_while_it_is_open_is_fetched_again(opened, server, damage):
    local, remote = opened
    damage(copy_of(remote, 0))
    with pytest.warns(UserWarning, match=r"to be as it was fetched from http.*It is fetched again"):
        assert [remote.read(row) for row in ALL] == [local.read(row) for row in ALL]
    assert len(tar_requests(server)) == len(local.shards) + 1


@pytest.mark.filterwarnings("ignore:.*It is fetched again")
def test_a_copy_that_is_damaged_before_it_is_opened_is_fetched_again(opened, server, downloads):
    local, remote = opened
    spoil(copy_of(remote, 0))
    os.truncate(copy_of(remote, 1), 100)
    again = ShardSet(remote.files.url, downloads)
    assert again.files.missing(again.shards) == [again.shards[1]]
    assert [again.read(row) for row in ALL] == [local.read(row) for row in ALL]


@pytest.mark.filterwarnings("ignore:.*It is fetched again")
def test_two_readers_of_a_damaged_copy_fetch_it_once(opened, server, downloads):
    local, remote = opened
    other = ShardSet(remote.files.url, downloads)
    other.read(0)
    spoil(copy_of(remote, int(remote.table[0]["shard"])))
    assert remote.read(0) == other.read(0) == local.read(0)
    assert len(tar_requests(server)) == len(local.shards) + 1


def test_a_set_that_is_at_fault_itself_is_told_and_its_shard_not_fetched_again(write_set, server, downloads):
    folder = write_set()
    local = ShardSet(folder)
    table = np.array(local.table)
    table["members"]["crc32"] ^= 1
    write_index(folder, list(local.shards), table)
    remote = ShardSet(f"{server.url}/{folder.name}", downloads)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            with pytest.raises(ShardError, match="Restore the shard; or, if it was meant to change"):
                remote.read(0)
    assert len(tar_requests(server)) == 1


def test_a_table_that_is_damaged_is_fetched_again(opened, server, downloads):
    local, remote = opened
    path = remote._table_path
    content = path.read_bytes()
    path.unlink()  # the set in use has it mapped
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert ShardSet(remote.files.url, downloads).read(8) == local.read(8)
    assert len(server.gets("index.npy")) == 2
