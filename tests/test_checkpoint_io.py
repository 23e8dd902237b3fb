"""A checkpoint's file is whole or not there."""

import errno
from pathlib import Path
from pickle import UnpicklingError

import pytest
import torch

from lightning_compose.checkpoint_io import StagedCheckpointIO


def names(folder):
    return [each.name for each in folder.iterdir()]


def test_what_is_written_is_read_again(tmp_path):
    file = tmp_path / "new" / "c.ckpt"
    StagedCheckpointIO().save_checkpoint({"weight": torch.ones(3)}, file)
    assert names(file.parent) == ["c.ckpt"]
    assert StagedCheckpointIO().load_checkpoint(file, weights_only=True)["weight"].tolist() == [1, 1, 1]


def test_a_full_disk_leaves_the_file_before_and_nothing_else(tmp_path, monkeypatch):
    file = tmp_path / "c.ckpt"
    StagedCheckpointIO().save_checkpoint({"step": 1}, file)

    def full(checkpoint, handle):
        handle.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        StagedCheckpointIO().save_checkpoint({"step": 2}, file)
    assert names(tmp_path) == ["c.ckpt"]
    assert torch.load(file, weights_only=True) == {"step": 1}


def test_the_name_comes_after_the_content_is_on_the_disk(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("os.fsync", lambda _: seen.append(names(tmp_path)))
    StagedCheckpointIO().save_checkpoint({"step": 1}, tmp_path / "c.ckpt")
    assert seen == [["c.ckpt.part"], ["c.ckpt"]]


def test_other_file_systems_are_lightnings():
    import fsspec

    StagedCheckpointIO().save_checkpoint({"step": 1}, "memory://folder/c.ckpt")
    with fsspec.open("memory://folder/c.ckpt") as file:
        assert torch.load(file, weights_only=True) == {"step": 1}


def test_a_checkpoint_from_the_web_is_refused_and_code_in_a_file_is_never_run(tmp_path):
    with pytest.raises(ValueError, match="Expected the checkpoint to be a file, got the URL"):
        StagedCheckpointIO().load_checkpoint("http://127.0.0.1/last.ckpt")
    torch.save({"code": Path}, tmp_path / "last.ckpt")
    with pytest.raises(UnpicklingError):
        StagedCheckpointIO().load_checkpoint(tmp_path / "last.ckpt", weights_only=False)
