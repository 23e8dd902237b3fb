"""A whole set, read as training does."""

import os

import numpy as np
import pytest
from damaged_sets import flip, forge, pack, shard_file

from lightning_compose.data.masks import encode_mask
from lightning_compose.data.set_check import check_set
from lightning_compose.data.shards import ShardSet, index_shards


def check(root, size_px=16, max_nouns=4):
    return check_set(ShardSet(root, all_there=False), size_px, max_nouns, progress=False)


def told(findings):
    return [(each.kind, each.reason, each.shard, each.key, each.count) for each in findings]


@pytest.fixture
def samples(make_sample):
    """Six samples whose nouns all have their mask, in two tars."""
    return [make_sample(number, stage="single", nouns=make_sample(0).annotation.nouns[:1]) for number in range(6)]


def test_a_good_set_has_nothing_amiss(write_set, samples):
    assert check(write_set(samples)) == []


def test_every_bad_sample_is_told_with_its_shard_and_key(write_set, samples):
    root = write_set(samples, samples_per_shard=3)
    forge(root, 4, "negative", b"no image")
    flip(root, 1, "positive")
    flip(root, 2, "json")
    bad = check(root)
    assert told(bad) == [
        ("bad", "sha256_mismatch", "single/000000.tar", "", 1),
        ("bad", "crc32_mismatch", "single/000000.tar", "000000001", 1),
        ("bad", "crc32_mismatch", "single/000000.tar", "000000002", 1),
        ("bad", "bad_image", "single/000001.tar", "000000004", 1),
    ]
    assert bad[1].message.startswith("000000001.positive.webp: Expected")


def test_damage_that_no_sample_has_is_told_of_the_shard(write_set, samples):
    root = write_set(samples)
    with shard_file(root, 0).open("r+b") as file:
        file.write(b"x")
    assert told(check(root)) == [("bad", "sha256_mismatch", "single/000000.tar", "", 1)]


def test_a_shard_that_lacks_or_was_cut_is_told_and_the_rest_is_read(write_set, samples):
    root = write_set(samples, samples_per_shard=2)
    flip(root, 5, "positive")
    (root / "single/000000.tar").unlink()
    os.truncate(root / "single/000001.tar", 100)
    bad = check(root)
    assert told(bad) == [
        ("bad", "missing_shard", "single/000000.tar", "", 1),
        ("bad", "shard_size", "single/000001.tar", "", 1),
        ("bad", "truncated", "single/000001.tar", "000000002", 1),
        ("bad", "truncated", "single/000001.tar", "000000003", 1),
        ("bad", "sha256_mismatch", "single/000002.tar", "", 1),
        ("bad", "crc32_mismatch", "single/000002.tar", "000000005", 1),
    ]
    assert "Restore the shard" in bad[0].message


def test_what_was_refused_when_it_was_indexed_comes_first(write_set, samples):
    root = write_set(samples, samples_per_shard=3)
    pack(root / "single/000000.tar", [("a.json", b"{}"), ("a.positive.webp", samples[0].positive.data)])
    index_shards(root, progress=False, on_bad_sample="skip")
    assert told(check(root)) == [("refused", "bad_annotation", "single/000000.tar", "a.json", 1)]


@pytest.mark.filterwarnings("ignore:A caption has more")
def test_nouns_without_supervision_are_told_sample_by_sample(write_set, samples, make_sample):
    empty = encode_mask(np.zeros((16, 24), dtype=bool))
    two = make_sample(6, stage="single")
    root = write_set([*samples, two, make_sample(7, stage="single", masks=(empty,))], samples_per_shard=9)
    shard = "single/000000.tar"
    assert set(told(check(root))) == {
        ("unsupervised", "no_mask", shard, "000000006", 1),
        ("unsupervised", "no_mask", shard, "000000007", 1),
        ("unsupervised", "empty_mask", shard, "000000007", 1),
    }
    assert {each.reason for each in check(root, max_nouns=1)} == {"more_than_max_nouns", "empty_mask"}
    assert "vanished_in_crop" in {each.reason for each in check(root, size_px=1)}


def test_progress_is_shown_in_bytes(write_set, samples, capsys):
    check_set(ShardSet(write_set(samples)), 16, 4)
    assert "Checking: 100%" in capsys.readouterr().err
