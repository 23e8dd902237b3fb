"""Shards are standard tars, the same bytes for the same samples, and appear whole or not at all."""

import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
from itertools import islice

import numpy as np
import pytest

from lightning_compose.data.schema import STAGES, Annotation, EncodedImage, SampleError
from lightning_compose.data.shards import ShardError, ShardSet, ShardWriter


def files(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_layout_and_order(write_set):
    root = write_set()
    stages = [f"{stage}/{number:06d}.tar" for stage in sorted(STAGES) for number in (0, 1)]
    assert sorted(files(root)) == sorted([*stages, "index.json", "index.npy"])
    assert [(shard.path, shard.samples) for shard in ShardSet(root).shards] == list(
        zip(stages, [2, 1] * 3, strict=True)
    )


def test_same_samples_give_the_same_bytes(write_set):
    assert files(write_set(name="first")) == files(write_set(name="second"))


def test_plain_webdataset_reads_the_shards(write_set, make_sample):
    webdataset = pytest.importorskip("webdataset")
    root = write_set([make_sample(number, negative=number != 3) for number in range(9)])
    urls = [str(path) for path in sorted(root.glob("*/*.tar"))]
    read = {sample["__key__"]: sample for sample in webdataset.WebDataset(urls, shardshuffle=False)}
    assert sorted(read) == [f"{number:09d}" for number in range(9)]
    for number in range(9):
        sample, expected = read[f"{number:09d}"], make_sample(number, negative=number != 3)
        assert sample["positive.webp"] == expected.positive.data
        assert sample.get("negative.webp") == (expected.negative.data if expected.negative else None)
        assert Annotation.from_json(sample["json"]) == expected.annotation


def test_table_describes_every_sample(write_set, make_sample):
    shards = ShardSet(write_set([make_sample(0), make_sample(2, negative=False)]))
    assert shards.table["key"].tolist() == [b"000000002", b"000000000"]
    assert shards.table["stage"].tolist() == [2, 0]
    assert shards.table["shard"].tolist() == [0, 1]
    assert (shards.table["members"]["size"][:, 1] == -1).tolist() == [True, False]
    assert np.unique(shards.table["caption_hash"]).size == 2


def test_an_exception_leaves_nothing(tmp_path, make_sample):
    def interrupted():
        with ShardWriter(tmp_path / "set", samples_per_shard=1) as writer:
            writer.write(make_sample(0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list((tmp_path / "set").iterdir()) == []


def test_a_killed_writer_leaves_no_final_name(tmp_path, write_set):
    source = write_set()
    program = f"""
        import os, signal
        from lightning_compose.data.shards import ShardSet, ShardWriter
        shards = ShardSet({str(source)!r})
        with ShardWriter({str(tmp_path / "killed")!r}, samples_per_shard=1) as writer:
            for row in range(len(shards)):
                writer.write(shards.read(row))
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert all(path.name.startswith(".writing-") for path in (tmp_path / "killed").iterdir())
    with pytest.raises(ShardError, match=r"shards index"):
        ShardSet(tmp_path / "killed")
    with ShardWriter(tmp_path / "killed") as writer:
        writer.write(ShardSet(source).read(0))
    assert len(ShardSet(tmp_path / "killed")) == 1


def test_an_existing_set_is_not_overwritten(write_set):
    root = write_set()
    before = files(root)
    with pytest.raises(ShardError, match="Choose another folder"), ShardWriter(root):
        pass
    os.remove(root / "index.json")
    with pytest.raises(ShardError, match=r"000000\.tar"), ShardWriter(root):
        pass
    assert files(root) == {path: data for path, data in before.items() if path != "index.json"}


def test_a_set_without_samples_is_an_error(tmp_path):
    with pytest.raises(ShardError, match="at least one sample"), ShardWriter(tmp_path / "set"):
        pass
    with pytest.raises(ValueError, match="at least one sample a shard"):
        ShardWriter(tmp_path, samples_per_shard=0)


def test_samples_that_the_indexer_would_refuse_are_not_written(tmp_path, make_sample, make_image):
    good = make_sample(0)
    bad = {
        "dot_in_key": dataclasses.replace(good, key="a.b"),
        "slash_in_key": dataclasses.replace(good, key="a/b"),
        "empty_key": dataclasses.replace(good, key=""),
        "bad_key": dataclasses.replace(good, key="k" * 65),
        "duplicate_key": good,
        "bad_image": dataclasses.replace(good, key="1", positive=EncodedImage("png", b"no png")),
        "mask_size": dataclasses.replace(good, key="2", positive=make_image(0, 16, 16)),
    }
    with ShardWriter(tmp_path / "set") as writer:
        writer.write(good)
        for reason, sample in bad.items():
            with pytest.raises(SampleError) as caught:
                writer.write(sample)
            assert caught.value.reason == reason
    assert len(ShardSet(tmp_path / "set")) == 1


def test_many_shards_are_numbered_by_stage(write_set, make_sample):
    root = write_set(islice(map(make_sample, range(0, 99, 3)), 12), samples_per_shard=1)
    assert [shard.path for shard in ShardSet(root).shards] == [f"single/{number:06d}.tar" for number in range(12)]


def test_a_shard_is_on_the_disk_whole_before_it_has_its_name(tmp_path, make_sample, monkeypatch):
    flushed = {}

    def fsync(descriptor):
        flushed[os.readlink(f"/proc/self/fd/{descriptor}").split("/.writing-")[-1]] = os.stat(descriptor).st_size

    monkeypatch.setattr(os, "fsync", fsync)
    with ShardWriter(tmp_path / "set") as writer:
        writer.write(make_sample(0))
    (shard,) = ShardSet(tmp_path / "set").shards
    assert [size for name, size in flushed.items() if name.endswith(shard.path)] == [shard.bytes]
