"""Foreign tars: good ones get the index that our writer writes, bad ones an error with file, member and reason."""

import io
import json
import os
import tarfile

import numpy as np
import pytest

from lightning_compose.data.schema import FORMAT_VERSION
from lightning_compose.data.shards import ShardError, ShardSet, index_shards, members
from lightning_compose.data.shards.table import file_sha256


def pack(path, content):
    """A tar of (name, data) pairs as another tool would write it: PAX, with times and owners."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in content:
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.uid, member.uname = len(data), 1.5e9 + 0.25, 1000, "bigdata"
            tar.addfile(member, io.BytesIO(data))


@pytest.fixture
def content(make_sample):
    """The members of a sample by suffix; keyword arguments replace fields of its annotation, even by nonsense."""

    def build(number=0, **changes):
        sample = make_sample(number)
        annotation = json.loads(sample.annotation.to_json()) | changes
        return {
            "positive.webp": sample.positive.data,
            "negative.webp": sample.negative.data,
            "json": json.dumps(annotation).encode(),
        }

    return build


def named(key, parts):
    return [(f"{key}.{suffix}", data) for suffix, data in parts.items()]


def test_an_indexed_set_equals_a_written_one(write_set):
    root = write_set()
    written = (root / "index.json").read_bytes(), (root / "index.npy").read_bytes()
    (root / "index.json").unlink()
    (root / "index.npy").unlink()
    index_shards(root, progress=False)
    assert ((root / "index.json").read_bytes(), (root / "index.npy").read_bytes()) == written


def test_foreign_tars_are_read_as_they_are(tmp_path, make_sample, content):
    pack(
        tmp_path / "one.tar", named("cat", content(0)) + named("d\N{LATIN SMALL LETTER O WITH DIAERESIS}g", content(1))
    )
    reordered = dict(reversed(content(2).items()))
    del reordered["negative.webp"]
    pack(tmp_path / "below" / "two.tar", named("a-longer-key", reordered))
    index_shards(tmp_path, progress=False)
    shards = ShardSet(tmp_path)
    assert [shard.path for shard in shards.shards] == ["below/two.tar", "one.tar"]
    assert [shards.key(row) for row in range(3)] == ["a-longer-key", "cat", "d\N{LATIN SMALL LETTER O WITH DIAERESIS}g"]
    assert shards.table["stage"].tolist() == [2, 0, 1]
    assert shards.read(0).negative is None
    assert shards.read(2).annotation == make_sample(1).annotation
    assert shards.read(2).positive == make_sample(1).positive


def test_webdatasets_own_writer_is_foreign_too(tmp_path, content):
    webdataset = pytest.importorskip("webdataset")
    with webdataset.TarWriter(str(tmp_path / "a.tar")) as writer:
        for number in range(3):
            writer.write({"__key__": f"k{number}"} | content(number))
    index_shards(tmp_path, progress=False)
    assert [ShardSet(tmp_path).key(row) for row in range(3)] == ["k0", "k1", "k2"]


def test_indexing_again_replaces_the_index(tmp_path, content):
    pack(tmp_path / "a.tar", named("a", content()))
    index_shards(tmp_path, progress=False)
    pack(tmp_path / "b.tar", named("b", content()))
    index_shards(tmp_path, progress=False)
    assert len(ShardSet(tmp_path)) == 2


def test_progress_is_shown_in_bytes(tmp_path, content, capsys):
    pack(tmp_path / "a.tar", named("a", content()))
    index_shards(tmp_path)
    assert "Indexing: 100%" in capsys.readouterr().err


def without(parts, suffix):
    return {name: data for name, data in parts.items() if name != suffix}


BAD_SETS = {
    "partial_sample": (lambda c: named("a", without(c(), "json")), "a", "got only a.positive.webp, a.negative.webp"),
    "partial_sample, no positive": (lambda c: named("a", without(c(), "positive.webp")), "a", "Expected a positive"),
    "members_not_adjacent": (
        lambda c: named("a", without(c(), "json")) + named("b", c(1)) + [("a.json", c()["json"])],
        "a.json",
        "side by side",
    ),
    "duplicate_key": (lambda c: named("a", c()) + named("b", c(1)) + named("a", c()), "a.positive.webp", "'a' again"),
    "duplicate_member": (
        lambda c: [*named("a", c()), ("a.positive.png", b"")],
        "a.positive.png",
        "got a.positive.webp before it",
    ),
    "dot_in_key": (lambda c: named("a.b", c()), "a.b.positive.webp", "without dots"),
    "slash_in_key": (
        lambda c: named("./a", c()) and named("x/a", c()),
        "x/a.positive.webp",
        "without dots and slashes",
    ),
    "slash_in_key, backslash": (lambda c: named("x\\a", c()), "x\\a.positive.webp", "slashes"),
    "empty_key": (lambda c: named("", c()), ".positive.webp", "got an empty one"),
    "bad_key": (lambda c: named("k" * 65, c()), f"{'k' * 65}.positive.webp", "64 printable bytes"),
    "bad_key, line break": (lambda c: named("a\nb", c()), "a\nb.positive.webp", r"got 'a\\nb'"),
    "unknown_suffix": (lambda c: [*named("a", c()), ("a.txt", b"hello")], "a.txt", "KEY.positive.webp"),
    "unknown_suffix, compressed": (lambda c: [("a.json.gz", b"")], "a.json.gz", "Rename the member"),
    "unknown_suffix, pickle": (lambda c: [("a.pickle", b"")], "a.pickle", "suffix of"),
    "bad_image": (lambda c: named("a", c() | {"negative.webp": b"RIFF"}), "a.negative.webp", "whole WEBP image"),
    "bad_annotation": (lambda c: named("a", c() | {"json": b"{"}), "a.json", "JSON object"),
    "bad_annotation, not UTF-8": (lambda c: named("a", c() | {"json": b"\xff"}), "a.json", "JSON object"),
    "empty_caption": (lambda c: named("a", c(caption="", nouns=[])), "a.json", "describe"),
    "span_outside_caption": (
        lambda c: named("a", c(nouns=[{"text": "cup", "spans": [[1, 4]]}])),
        "a.json",
        "to read 'cup', got 'up '",
    ),
    "unknown_mask": (
        lambda c: named("a", c(nouns=[{"text": "cup", "spans": [[0, 3]], "mask": 1}])),
        "a.json",
        "index 1",
    ),
    "mask_size": (
        lambda c: named("a", c(masks=[{"size": [24, 16], "counts": "P<"}])),
        "a.json",
        r"16 x 24 \(height x width\), got 24 x 16",
    ),
    "bad_mask": (lambda c: named("a", c(masks=[{"size": [16, 24], "counts": "P<1"}])), "a.json", "run-length"),
}


@pytest.mark.parametrize("case", BAD_SETS)
def test_what_breaks_the_schema_is_refused_with_file_member_and_reason(tmp_path, content, case):
    build, member, message = BAD_SETS[case]
    pack(tmp_path / "good.tar", named("zebra", content(5)))
    pack(tmp_path / "bad.tar", build(content))
    with pytest.raises(ShardError, match=message) as caught:
        index_shards(tmp_path, progress=False)
    error = caught.value
    assert (error.path, error.member, error.reason) == (str(tmp_path / "bad.tar"), member, case.split(",")[0])
    assert "\n" not in str(error)
    assert sorted(os.listdir(tmp_path)) == ["bad.tar", "good.tar"]


def test_a_key_in_two_shards_is_refused(tmp_path, content):
    for name in ("a.tar", "b.tar", "c.tar"):
        pack(tmp_path / name, named(name[0] if name != "c.tar" else "a", content()))
    with pytest.raises(ShardError, match=r"a\.tar has 'a' too") as caught:
        index_shards(tmp_path, progress=False)
    assert (caught.value.path, caught.value.reason) == (str(tmp_path / "c.tar"), "duplicate_key")


def test_an_image_over_the_cap_is_refused(tmp_path, content, monkeypatch):
    monkeypatch.setattr("lightning_compose.data.images.image_size.__defaults__", (100,))
    pack(tmp_path / "a.tar", named("a", content()))
    with pytest.raises(ShardError, match="at most 100 pixels") as caught:
        index_shards(tmp_path, progress=False)
    assert (caught.value.member, caught.value.reason) == ("a.positive.webp", "image_too_large")


def test_folders_without_tars_are_refused(tmp_path, content):
    with pytest.raises(ShardError, match="found none"):
        index_shards(tmp_path / "nowhere", progress=False)
    with pytest.raises(ShardError, match="Expected tars"):
        index_shards(tmp_path, progress=False)
    pack(tmp_path / "a.tar", [])
    with pytest.raises(ShardError, match="at least one sample"):
        index_shards(tmp_path, progress=False)
    (tmp_path / "b.tar.gz").touch()
    with pytest.raises(ShardError, match="Decompress") as caught:
        index_shards(tmp_path, progress=False)
    assert caught.value.reason == "compressed"


def test_what_a_killed_writer_left_is_no_part_of_the_set(write_set, content):
    root = write_set()
    pack(root / ".writing-x" / "single" / "000000.tar", named("a", content()))
    index_shards(root, progress=False)
    assert len(ShardSet(root)) == 9


def edit(root, **changes):
    header = json.loads((root / "index.json").read_text()) | changes
    (root / "index.json").write_text(json.dumps(header))


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda root: (root / "index.json").unlink(), "found none"),
        (lambda root: (root / "index.json").write_text("{"), "cannot be read"),
        (lambda root: (root / "index.json").write_text("[]"), "cannot be read"),
        (lambda root: (root / "index.npy").unlink(), "is not the one"),
        (lambda root: (root / "index.npy").write_bytes(b""), "is not the one"),
        (lambda root: edit(root, format_version=FORMAT_VERSION + 1), "format version"),
        (lambda root: edit(root, suffixes=["json"]), "suffixes"),
        (lambda root: edit(root, shards=[{"path": "/etc/passwd", "samples": 1, "bytes": 1, "sha256": ""}]), "outside"),
        (lambda root: edit(root, shards=[{"path": "../a", "samples": 1, "bytes": 1, "sha256": ""}]), "outside"),
        (lambda root: edit(root, shards=[{"path": "a"}]), "cannot be read"),
        (lambda root: edit(root, shards=None), "cannot be read"),
    ],
)
def test_an_index_that_cannot_be_used_says_how_to_make_one(write_set, break_it, message):
    root = write_set()
    break_it(root)
    with pytest.raises(ShardError, match=message) as caught:
        ShardSet(root)
    assert str(caught.value).endswith(f"Run `python -m lightning_compose shards index {root}`.")
    assert "\n" not in str(caught.value)


def test_an_array_of_objects_is_never_unpickled(write_set):
    root = write_set()
    np.save(root / "index.npy", np.array([print]), allow_pickle=True)
    edit(root, table_sha256=file_sha256(root / "index.npy"))
    with pytest.raises(ShardError, match="cannot be read"):
        ShardSet(root)


def test_every_suffix_has_a_slot():
    assert {suffix.split(".")[0] for suffix in members.SUFFIXES} == set(members.SLOTS)
