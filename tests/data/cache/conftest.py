"""Caches of tiny sets."""

import pytest
from fake_encoder import FakeEncoder

from lightning_compose.data.cache.identity import cache_identity
from lightning_compose.data.cache.writer import CacheWriter
from lightning_compose.data.shards import ShardSet

SIZE_PX = 16


@pytest.fixture
def write_cache(write_set, tmp_path):
    """Write a set and its cache; return the set, and the cache's folder."""

    def write(samples=None, name="cache", encoders=None, **settings):
        shards = ShardSet(write_set(samples, name=f"set-of-{name}"))
        writer = CacheWriter(shards, tmp_path / name, SIZE_PX, batch_size=2, **settings)
        encoder = FakeEncoder()
        writer.begin(cache_identity(shards, SIZE_PX, encoders or {"vae": {"width": 4}}), encoder)
        for number in writer.missing():
            writer.write(number, encoder)
        writer.finish()
        return shards, writer.root

    return write
