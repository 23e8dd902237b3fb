"""A cache is read as it was written, or refused."""

import json
import pickle

import numpy as np
import pytest

from lightning_compose.data.cache import FeatureCache
from lightning_compose.data.cache.layout import NEGATIVE_MOMENTS
from lightning_compose.data.shards import ShardError


def test_it_crosses_to_another_process(write_cache):
    _, root = write_cache()
    cache = FeatureCache(root)
    cache.read(3)
    copy = pickle.loads(pickle.dumps(cache))
    assert all(np.array_equal(each, copy.read(3)[name]) for name, each in cache.read(3).items())


def test_negatives_are_read_on_request(write_cache):
    _, root = write_cache()
    cache = FeatureCache(root)
    assert cache.read(0).keys() - cache.read(0, negatives=False).keys() == {NEGATIVE_MOMENTS}


@pytest.mark.parametrize(("place", "reason"), [(600, "crc32_mismatch"), (-5, None)])
def test_changed_bytes_are_told(write_cache, place, reason):
    shards, root = write_cache()
    tar = root / shards.shards[0].path
    data = bytearray(tar.read_bytes())
    data[place] ^= 1
    tar.write_bytes(data)
    cache = FeatureCache(root)
    if reason is None:
        cache.read(0)  # The end marker is nobody's.
        return
    with pytest.raises(ShardError) as caught:
        cache.read(0)
    assert caught.value.reason == reason


def test_a_cut_tar_is_refused_at_once(write_cache):
    shards, root = write_cache()
    tar = root / shards.shards[0].path
    tar.write_bytes(tar.read_bytes()[:-1])
    with pytest.raises(ShardError, match="is missing or has not"):
        FeatureCache(root)


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("shards", {"../set/single/000000.tar": 1}, "outside of the folder"),
        ("format_version", 2, "format version 2"),
        ("members", {"text.pooled": [1]}, "rows of another kind"),
        ("table_sha256", "", "is not the one"),
        ("shards", None, "cannot be read"),
    ],
)
def test_a_forged_index_is_refused(write_cache, key, value, found):
    _, root = write_cache()
    index = root / "index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {key: value}))
    with pytest.raises(ShardError, match=found):
        FeatureCache(root)


def test_a_forged_size_takes_no_memory(write_cache):
    _, root = write_cache()
    cache = FeatureCache(root)
    table = np.array(cache._table)
    table["members"]["size"][0] = 2**40
    cache._table = table
    with pytest.raises(ShardError) as caught:
        cache.read(0)
    assert caught.value.reason == "truncated"
