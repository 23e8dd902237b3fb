"""A file takes its name when it is whole and on the disk, and the folder with it."""

import os
import stat

import pytest

from lightning_compose.data.durable import flush_folder, replaced


@pytest.fixture
def flushed(monkeypatch):
    """What was brought onto the disk, in order: the bytes of a file, or the names in a folder."""
    found = []

    def fsync(descriptor):
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        found.append(sorted(os.listdir(path)) if is_folder else os.stat(descriptor).st_size)

    monkeypatch.setattr(os, "fsync", fsync)
    return found


def test_a_file_has_its_name_once_its_bytes_are_on_the_disk(tmp_path, flushed):
    with replaced(tmp_path / "a") as file:
        file.write(b"1234")
        assert not (tmp_path / "a").exists()
        assert flushed == []
    assert flushed == [4]
    assert os.listdir(tmp_path) == ["a"]
    flush_folder(tmp_path)
    assert flushed == [4, ["a"]]


def test_a_file_that_was_not_finished_leaves_the_one_before(tmp_path):
    (tmp_path / "a").write_bytes(b"before")

    def interrupted():
        with replaced(tmp_path / "a") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "a").read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["a"]
