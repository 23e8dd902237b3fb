"""Any row at once; what has changed since it was indexed is an error that names file, member and reason."""

import errno
import os
import pickle
import subprocess
import sys

import pytest

from lightning_compose.data.shards import ShardError, ShardSet
from lightning_compose.data.shards.files import LocalFiles


def test_every_row_reads_back_what_was_written(write_set, make_sample):
    samples = [make_sample(number, negative=number % 2 == 0) for number in range(9)]
    shards = ShardSet(write_set(samples))
    assert len(shards) == 9
    read = [shards.read(row) for row in (4, 0, 8, 1, 7, 2, 6, 3, 5)]
    assert sorted(read, key=lambda sample: sample.key) == samples
    assert {shards.key(row) for row in range(9)} == {sample.key for sample in samples}


def test_members_and_annotation_are_read_alone_too(write_set, make_sample):
    sample = make_sample(3, negative=False)
    shards = ShardSet(write_set([sample]))
    assert shards.annotation(0) == sample.annotation
    members = shards.read_members(0)
    assert members.keys() == {"positive", "json"}
    assert members["positive"] == sample.positive


def test_it_may_be_pickled_after_reading(write_set):
    shards = ShardSet(write_set())
    first = shards.read(0)
    assert pickle.loads(pickle.dumps(shards)).read(0) == first


def test_a_forked_process_reads_beside_its_parent(write_set):
    shards = ShardSet(write_set())
    expected = [shards.read(row) for row in range(9)]
    child = os.fork()
    if child == 0:
        os._exit(0 if [shards.read(row) for row in range(9)] == expected else 1)
    assert [shards.read(row) for row in range(9)] == expected
    assert os.waitpid(child, 0)[1] == 0


def test_open_files_are_bounded(write_set, monkeypatch):
    monkeypatch.setattr(LocalFiles, "max_open", 2)
    root = write_set()
    shards = ShardSet(root)
    for row in [*range(9), *range(9)]:
        shards.read(row)
        assert 1 <= len(open_tars(root)) <= 2
    del shards
    assert open_tars(root) == []


def open_tars(root):
    links = [os.path.realpath(f"/proc/self/fd/{descriptor}") for descriptor in os.listdir("/proc/self/fd")]
    return [link for link in links if link.startswith(os.path.realpath(root)) and link.endswith(".tar")]


def damage(shards, row, slot, action):
    member = shards.table[row]["members"][slot]
    path = shards.root / shards.shards[shards.table[row]["shard"]].path
    with path.open("r+b") as file:
        action(file, int(member["offset"]) + int(member["size"]) // 2)
    return path


def flip(file, offset):
    file.seek(offset)
    byte = file.read(1)[0]
    file.seek(offset)
    file.write(bytes([byte ^ 1]))


@pytest.mark.parametrize(("slot", "name"), [(0, "positive.webp"), (1, "negative.webp"), (2, "json")])
def test_a_flipped_bit_is_an_error_that_names_shard_and_member(write_set, slot, name):
    shards = ShardSet(write_set())
    path = damage(shards, 3, slot, flip)
    with pytest.raises(ShardError) as caught:
        shards.read(3)
    assert caught.value.reason == "crc32_mismatch"
    assert caught.value.member == f"{shards.key(3)}.{name}"
    assert str(caught.value).startswith(f"{path}, member {shards.key(3)}.{name}: Expected")
    shards.read(2)


def test_a_shard_cut_while_in_use_is_an_error(write_set):
    shards = ShardSet(write_set())
    path = damage(shards, 1, 0, lambda file, offset: file.truncate(offset))
    with pytest.raises(ShardError, match=str(path)) as caught:
        shards.read(1)
    assert caught.value.reason == "truncated"


def test_a_shard_cut_or_lost_since_indexing_is_an_error_on_opening(write_set):
    shards = ShardSet(write_set())
    path = damage(shards, 1, 0, lambda file, offset: file.truncate(offset))
    with pytest.raises(ShardError, match=r"Restore the shard; or, if .* shards index") as caught:
        ShardSet(shards.root)
    assert path.name in str(caught.value)
    assert caught.value.reason == "shard_size"
    path.unlink()
    with pytest.raises(ShardError, match=r"is missing\. Restore the shard; or, if .* shards index") as caught:
        ShardSet(shards.root)
    assert caught.value.reason == "missing_shard"
    assert len(ShardSet(shards.root, all_there=False)) == len(shards)
    with pytest.raises(ShardError, match="No such file"):
        shards.read(1)


def test_a_disk_that_fails_is_an_unreadable_sample(write_set, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    shards = ShardSet(write_set())
    monkeypatch.setattr(os, "pread", fail)
    with pytest.raises(ShardError, match="Input/output error") as caught:
        shards.read(1)
    assert caught.value.reason == "unreadable"


def test_errors_survive_the_way_between_processes():
    error = pickle.loads(pickle.dumps(ShardError("a.tar", "b.json", "truncated", "Expected all.")))
    assert (error.path, error.member, error.reason, str(error)) == (
        "a.tar",
        "b.json",
        "truncated",
        "a.tar, member b.json: Expected all.",
    )


def test_reading_and_writing_import_no_torch(write_set):
    program = f"import sys; from lightning_compose.data.shards import ShardSet; ShardSet({str(write_set())!r}).read(0)"
    subprocess.run([sys.executable, "-c", f"{program}; sys.exit('torch' in sys.modules)"], check=True)
