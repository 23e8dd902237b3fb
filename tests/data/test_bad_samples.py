"""Damaged sets, read and indexed by policy: nothing partial, everything counted; the claims C14 and C16."""

import json
import pickle
import struct
import zlib
from dataclasses import asdict, replace

import numpy as np
import pytest
from damaged_sets import flip, forge, repack, shard_file

from lightning_compose.data.bad_samples import BadSample, TooManyBadSamplesError
from lightning_compose.data.datamodule import ConPairDataModule
from lightning_compose.data.masks import encode_mask
from lightning_compose.data.shards import ShardError, ShardSet, index_shards

ROW = 4


def pairs(root, **changes):
    settings = {"size_px": 16, "global_batch_size": 3, "micro_batch_size": 3, "num_workers": 0, "val_fraction": 0}
    return ConPairDataModule(str(root), **(settings | changes))


def annotation(root, **changes):
    sample = ShardSet(root).read(ROW)
    return json.dumps(json.loads(sample.annotation.to_json()) | changes).encode()


def huge_png():
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunks = [b"IHDR" + header, b"IDAT" + zlib.compress(b""), b"IEND"]
    parts = [struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each)) for each in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def cut(root):
    with shard_file(root, ROW).open("r+b") as file:
        file.truncate(1000)


CUP = {"text": "cup", "spans": [[0, 3]], "mask": 0}
# What the index cannot have told, whoever made it.
CONTENT = {
    "crc32_mismatch": lambda root: flip(root, ROW, "positive"),
    "crc32_mismatch, negative": lambda root: flip(root, ROW, "negative"),
    "crc32_mismatch, annotation": lambda root: flip(root, ROW, "json"),
    "bad_image": lambda root: forge(root, ROW, "positive", b"RIFF"),
    "bad_image, negative": lambda root: forge(root, ROW, "negative", b""),
    "bad_annotation": lambda root: forge(root, ROW, "json", b"{"),
    "bad_annotation, not UTF-8": lambda root: forge(root, ROW, "json", b'{"caption": "\xff"}'),
    "empty_caption": lambda root: forge(root, ROW, "json", annotation(root, caption=" ", nouns=[])),
    "span_outside_caption": lambda root: forge(root, ROW, "json", annotation(root, caption="a dog")),
    "unknown_mask": lambda root: forge(root, ROW, "json", annotation(root, nouns=[CUP | {"mask": 1}])),
    "mask_size": lambda root: forge(root, ROW, "json", annotation(root, masks=[{"size": [24, 16], "counts": "P<"}])),
    "bad_mask": lambda root: forge(root, ROW, "json", annotation(root, masks=[{"size": [16, 24], "counts": "P"}])),
}
# What happens to a shard while a run reads it.
FILES = {"truncated": cut, "unreadable": lambda root: shard_file(root, ROW).unlink()}


def one_pass(data):
    """Read every sample once, as a training without a Trainer would."""
    batches = []
    for batch, _ in zip(data.train_dataloader(), range(3), strict=False):
        batches.append(data.on_before_batch_transfer(batch, 0))
    return batches


def damaged(root, case, **settings):
    """A run on a set that is damaged; a shard that is cut or gone is so only once the run has begun."""
    if case in CONTENT:
        CONTENT[case](root)
    data = pairs(root, **settings)
    data.setup("fit")
    if case in FILES:
        FILES[case](root)
    return data


@pytest.fixture
def root(write_set):
    """Nine samples; the shard of row 4 has no other one."""
    return write_set(samples_per_shard=1)


@pytest.mark.parametrize("case", [*CONTENT, *FILES])
def test_c14_a_bad_sample_is_an_error_with_shard_key_and_reason(root, case):
    key, shard = ShardSet(root).key(ROW), shard_file(root, ROW)
    with pytest.raises(ShardError) as caught:
        one_pass(damaged(root, case))
    assert caught.value.reason == case.split(",")[0]
    assert caught.value.path == str(shard)
    assert caught.value.member is None or caught.value.member.startswith(key)


@pytest.mark.parametrize("case", [*CONTENT, *FILES])
def test_c14_or_it_is_replaced_whole_and_counted(root, case):
    good = {ShardSet(root).key(row): ShardSet(root).read(row).annotation.caption for row in range(9)}
    key, shard = ShardSet(root).key(ROW), shard_file(root, ROW).relative_to(root).as_posix()
    data = damaged(root, case, on_bad_sample="skip")
    batches = one_pass(data)
    (bad,) = [each for batch in batches for each in batch.bad]
    assert (bad.row, bad.shard, bad.key, bad.reason) == (ROW, shard, key, case.split(",")[0])
    assert bad.message.startswith("Expected" if case == "unreadable" else key)
    seen = [(key, caption) for batch in batches for key, caption in zip(batch.keys, batch.captions, strict=True)]
    assert len(seen) == 9
    assert all(good[key] == caption for key, caption in seen)
    assert {each for each, _ in seen} == good.keys() - {key}
    (finding, *_) = data.report.findings()
    assert (finding.kind, finding.key, finding.reason) == ("bad", key, bad.reason)


def test_c14_an_image_over_the_cap_is_bad_too(make_image, write_set, make_sample):
    root = write_set([replace(make_sample(0), positive=make_image(0, suffix="png"))])
    forge(root, 0, "positive", huge_png())
    data = pairs(root, global_batch_size=1, micro_batch_size=1)
    data.setup("fit")
    with pytest.raises(ShardError) as caught:
        next(iter(data.train_dataloader()))
    assert caught.value.reason == "image_too_large"


@pytest.mark.parametrize("max_bad_samples", [0, 1, 2, 3])
def test_c14_beyond_the_budget_is_an_error_that_counts_by_reason(root, max_bad_samples):
    flip(root, 0, "positive")
    flip(root, 1, "positive")
    forge(root, 2, "negative", b"no image")
    data = pairs(root, on_bad_sample="skip", max_bad_samples=max_bad_samples)
    data.setup("fit")
    if max_bad_samples == 3:
        one_pass(data)
        one_pass(data)
        assert data.report.bad_samples == 3, "a sample counts once, however often it comes"
        return
    with pytest.raises(TooManyBadSamplesError, match=f"at most {max_bad_samples} bad samples") as caught:
        one_pass(data)
    assert "shards check" in str(caught.value)
    counts = dict(each.rsplit(" ", 1) for each in str(caught.value).split(": ")[1].split(". ")[0].split(", "))
    assert counts.keys() <= {"crc32_mismatch", "bad_image"}
    assert sum(map(int, counts.values())) > max_bad_samples


def test_c14_a_set_without_a_good_sample_ends_instead_of_drawing_for_ever(root):
    for row in range(9):
        flip(root, row, "json")
    data = pairs(root, on_bad_sample="skip", max_bad_samples=10**6)
    data.setup("fit")
    with pytest.raises(TooManyBadSamplesError, match="crc32_mismatch 101"):
        next(iter(data.train_dataloader()))


def test_c14_evaluation_replaces_by_rows_of_its_own(root):
    data = pairs(root, val_fraction=0.5, on_bad_sample="skip")
    data.setup("validate")
    bad, *good = data._val_rows.tolist()
    assert good
    flip(root, bad, "positive")
    batches = [data.on_before_batch_transfer(batch, 0) for batch in data.val_dataloader()]
    keys = [key for batch in batches for key in batch.keys]
    assert [index for batch in batches for index in batch.indices] == data._val_rows.tolist()
    assert keys[1:] == [ShardSet(root).key(row) for row in good]
    assert keys[0] in keys[1:]
    assert data.report.bad_samples == 1


def test_a_record_crosses_from_a_worker():
    bad = BadSample(3, "single/000000.tar", "k", "bad_image", "Expected one")
    assert pickle.loads(pickle.dumps(bad)) == bad


# -- C16: annotations --------------------------------------------------------------------------------

DOG = {"text": "dog", "spans": [[18, 21]]}
EMPTY = {"size": [16, 24], "counts": "P<"}
AT_THE_LEFT = np.arange(24) < np.full((16, 1), 2)
ANNOTATIONS = {
    "empty_caption": {"caption": "", "nouns": []},
    "bad_annotation": None,
    "span_outside_caption": {"caption": "a dog"},
    "mask_size": {"masks": [{"size": [24, 16], "counts": "P<"}]},
    "unknown_mask": {"nouns": [CUP | {"mask": 7}]},
}


def with_annotation(root, reason):
    changes = ANNOTATIONS[reason]
    return b'{"caption": "\xff"}' if changes is None else annotation(root, **changes)


@pytest.mark.parametrize("reason", ANNOTATIONS)
@pytest.mark.parametrize("policy", ["raise", "skip"])
def test_c16_bad_annotations_follow_the_policy_when_a_set_is_indexed(root, reason, policy):
    path = shard_file(root, ROW)
    data = with_annotation(root, reason)
    repack(path, lambda each: [(name, data if name.endswith("json") else content) for name, content in each])
    if policy == "raise":
        with pytest.raises(ShardError) as caught:
            index_shards(root, progress=False)
        assert (caught.value.path, caught.value.reason) == (str(path), reason)
    else:
        (refused,) = index_shards(root, progress=False, on_bad_sample="skip")
        assert (root / refused.shard, refused.reason) == (path, reason)
        assert len(ShardSet(root)) == 8


NOUNS = {
    "no_mask": {"nouns": [CUP | {"mask": None}], "masks": []},
    "empty_mask": {"nouns": [CUP], "masks": [EMPTY]},
    "vanished_in_crop": {"nouns": [CUP], "masks": [asdict(encode_mask(AT_THE_LEFT))]},
    "more_than_max_nouns": {"nouns": [CUP, DOG | {"mask": 0}, DOG | {"mask": 0}]},
}


@pytest.mark.filterwarnings("ignore:A caption has more")
@pytest.mark.parametrize("policy", ["raise", "skip"])
@pytest.mark.parametrize("reason", NOUNS)
def test_c16_nouns_without_supervision_are_counted_by_reason_and_shard(write_set, make_sample, reason, policy):
    root = write_set([make_sample(0), make_sample(3, nouns=())])
    forge(root, 0, "json", json.dumps(json.loads(make_sample(0).annotation.to_json()) | NOUNS[reason]).encode())
    data = pairs(root, on_bad_sample=policy, max_nouns=2, global_batch_size=2, micro_batch_size=2)
    data.setup("fit")
    for _ in range(2):
        data.on_before_batch_transfer(next(iter(data.train_dataloader())), 0)
    (finding,) = data.report.findings()
    assert (finding.kind, finding.reason, finding.shard) == ("unsupervised", reason, "single/000000.tar")
    assert finding.count == 2, "each time that it came"
    assert data.report.summary().startswith("Nouns without supervision: 2, in 4 samples")
