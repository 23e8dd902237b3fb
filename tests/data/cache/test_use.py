"""A cache in a training: opened if it fits, refused by name if it does not."""

from types import SimpleNamespace

import pytest
import torch
from fake_encoder import FakeEncoder

from lightning_compose.data.cache import FeatureCache
from lightning_compose.data.cache.use import open_cache
from lightning_compose.data.datamodule import ConPairDataModule
from lightning_compose.data.pairs import PairReader
from lightning_compose.data.shards import ShardError
from lightning_compose.data.transforms import Transform


def module(width=4, encoders=True):
    backbone = SimpleNamespace(encoders=encoders, encoder_identity=lambda: {"vae": {"width": width}})
    return SimpleNamespace(backbone=backbone)


def test_it_is_opened_where_it_fits(write_cache):
    shards, root = write_cache()
    assert len(open_cache(str(root), "cache", shards, 16, module())) == len(shards)
    assert len(open_cache(str(root), "cache", shards, 16, SimpleNamespace())) == len(shards)
    assert open_cache(None, "cache", shards, 16, module()) is None


def test_another_model_or_size_is_refused(write_cache):
    shards, root = write_cache()
    with pytest.raises(ValueError, match=r"`model.vae.width` was 4 when it was cached and is 8 now"):
        open_cache(str(root), "cache", shards, 16, module(width=8))
    with pytest.raises(ValueError, match=r"`size_px` was 16 when it was cached and is 32 now"):
        open_cache(str(root), "cache", shards, 32, module())


def test_a_model_without_encoders_needs_one(write_cache):
    shards, root = write_cache()
    with pytest.raises(ValueError, match=r"`data.test_cache` to be a feature cache"):
        open_cache(None, "test_cache", shards, 16, module(encoders=False))
    assert open_cache(str(root), "cache", shards, 16, module(encoders=False))


@pytest.mark.parametrize("changes", [{"crop": "random"}, {"mirror": True}])
@pytest.mark.parametrize("setting", ["cache", "test_cache"])
def test_images_that_change_cannot_be_cached(changes, setting):
    with pytest.raises(ValueError, match=rf"with `data.{setting}`, which holds every image once"):
        ConPairDataModule("set", **changes, **{setting: "cache"})


@pytest.mark.parametrize("negatives", [True, False])
def test_a_batch_of_features_is_that_of_images_but_for_the_images(write_cache, make_sample, negatives):
    shards, root = write_cache([make_sample(number, negative=number != 1) for number in range(3)])
    settings = {"transform": Transform(16), "max_nouns": 2, "negatives": negatives}
    plain = PairReader(shards, **settings).read([0, 1, 2], [7, 8, 9])
    cached = PairReader(shards, **settings, cache=FeatureCache(root)).read([0, 1, 2], [7, 8, 9])
    both = PairReader(shards, **settings, cache=FeatureCache(root), images_too=True).read([0, 1, 2], [7, 8, 9])
    assert cached.positive is cached.negative is plain.features is None
    assert torch.equal(both.positive, plain.positive)
    for batch in (cached, both):
        assert torch.equal(batch.noun_masks, plain.noun_masks)
        assert torch.equal(batch.has_negative, plain.has_negative)
        assert (batch.indices, batch.keys, batch.nouns) == (plain.indices, plain.keys, plain.nouns)
        assert batch.unsupervised == plain.unsupervised
        expected = torch.from_numpy(FakeEncoder().images(plain.positive.numpy()))
        assert torch.equal(batch.features.positive, expected.half())
        assert (batch.features.negative is batch.features.positive) == (not negatives)
    moved, part = cached.to("cpu"), cached.select([2, 0])
    assert torch.equal(moved.features.positive, cached.features.positive)
    assert torch.equal(part.features.text["pooled"], cached.features.text["pooled"][[2, 0]])
    assert torch.equal(part.features.empty["pooled"], cached.features.empty["pooled"])


def test_a_cached_batch_reads_no_images(write_cache, monkeypatch):
    shards, root = write_cache()
    monkeypatch.setattr("lightning_compose.data.pairs.decode_image", None)
    monkeypatch.setattr(type(shards), "read", None)
    PairReader(shards, Transform(16), 2, cache=FeatureCache(root)).read([0], [0])


def test_a_half_made_cache_is_refused(write_set, tmp_path):
    with pytest.raises(ShardError, match="Make it, or let it be completed, by"):
        FeatureCache(tmp_path)
