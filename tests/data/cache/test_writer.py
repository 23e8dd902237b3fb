"""A set to its cache: whole, completed after a kill, and refused where it would mix."""

import io
import multiprocessing
import tarfile
from pathlib import Path

import numpy as np
import pytest
from damaged_sets import flip
from fake_encoder import SHAPE, FakeEncoder

from lightning_compose.data.cache import FeatureCache
from lightning_compose.data.cache.identity import cache_identity
from lightning_compose.data.cache.layout import NEGATIVE_MOMENTS, POSITIVE_MOMENTS
from lightning_compose.data.cache.writer import CacheWriter
from lightning_compose.data.images import decode_image
from lightning_compose.data.shards import ShardError, ShardSet
from lightning_compose.data.transforms import Placement, Transform

SIZE_PX = 16
MODEL = {"vae": {"width": 4}}


def begin_and_write(writer, encoder, model=MODEL):
    writer.begin(cache_identity(writer.shards, SIZE_PX, model), encoder)
    for number in writer.missing():
        writer.write(number, encoder)
    return writer.finish()


def contents(root):
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def moments_of(image):
    pixels = Transform(SIZE_PX).image(decode_image(image), Placement()).transpose(2, 0, 1)
    return FakeEncoder().images(pixels[None])[0].astype(np.float16)


def test_every_row_has_the_features_of_its_sample(write_cache, make_sample):
    shards, root = write_cache([make_sample(number, negative=number % 2 == 0) for number in range(5)])
    cache = FeatureCache(root)
    assert len(cache) == len(shards) == 5
    for row in range(5):
        sample, features = shards.read(row), cache.read(row)
        assert np.array_equal(features[POSITIVE_MOMENTS], moments_of(sample.positive))
        assert (NEGATIVE_MOMENTS in features) == (sample.negative is not None)
        if sample.negative is not None:
            assert np.array_equal(features[NEGATIVE_MOMENTS], moments_of(sample.negative))
        (pooled,) = FakeEncoder().captions([sample.annotation.caption])["pooled"].astype(np.float16)
        assert np.array_equal(features["text.pooled"], pooled)
    assert cache.empty_caption["pooled"] == FakeEncoder().captions([""])["pooled"].astype(np.float16)
    assert cache.empty_caption["sequence"].shape == (3, 2)


def test_tars_have_the_names_and_keys_of_the_set(write_cache):
    shards, root = write_cache()
    tars = {path.relative_to(root).as_posix() for path in root.rglob("*.tar")}
    assert tars == {"empty_caption.tar", *(shard.path for shard in shards.shards)}
    with tarfile.open(root / shards.shards[0].path) as tar:
        members = ("positive.moments", "negative.moments", "text.sequence", "text.pooled")
        assert tar.getnames()[:4] == [f"{shards.key(0)}.{name}.npy" for name in members]
        assert np.load(io.BytesIO(tar.extractfile(tar.getmembers()[0]).read())).shape == SHAPE


@pytest.mark.parametrize("batches", [0, 1, 3, 4])
def test_a_killed_run_is_completed_to_the_same_bytes(write_set, tmp_path, batches):
    shards = ShardSet(write_set())
    whole, killed = (CacheWriter(shards, tmp_path / name, SIZE_PX, batch_size=1) for name in ("whole", "killed"))
    begin_and_write(whole, FakeEncoder())
    process = multiprocessing.get_context("fork").Process(
        target=begin_and_write, args=(killed, FakeEncoder(1 + 2 * batches))
    )
    process.start()
    process.join()
    assert process.exitcode == -9
    done = {path: path.stat().st_mtime_ns for path in killed.root.rglob("*.tar")}
    with pytest.raises(ShardError, match="whole feature cache"):
        FeatureCache(killed.root)
    begin_and_write(killed, FakeEncoder())
    assert contents(killed.root) == contents(whole.root)
    assert all(path.stat().st_mtime_ns == written for path, written in done.items())


def cut(file):
    file.write_bytes(file.read_bytes()[:-2])


@pytest.mark.parametrize("damage", [Path.unlink, cut])
@pytest.mark.parametrize("with_index", [True, False])
@pytest.mark.parametrize("name", ["single/000000.tar", "empty_caption.tar", "index.npy", "index.json"])
def test_a_damaged_cache_is_completed_to_the_same_bytes(write_cache, damage, with_index, name):
    shards, root = write_cache()
    before = contents(root)
    kept = {path: path.stat().st_mtime_ns for path in root.rglob("*.tar") if path != root / name}
    damage(root / name)
    if not with_index:
        (root / "index.json").unlink(missing_ok=True)
    begin_and_write(CacheWriter(shards, root, SIZE_PX, batch_size=2), FakeEncoder())
    assert contents(root) == before
    assert all(path.stat().st_mtime_ns == written for path, written in kept.items())


def test_a_tar_without_its_rows_is_made_anew(write_cache):
    shards, root = write_cache()
    before = contents(root)
    (root / "single/000000.tar.npy").unlink()
    (root / "index.json").unlink()
    begin_and_write(CacheWriter(shards, root, SIZE_PX, batch_size=2), FakeEncoder())
    assert contents(root) == before


def test_a_damaged_cache_of_another_model_is_refused(write_cache):
    shards, root = write_cache()
    (root / "single/000000.tar").unlink()
    (root / "index.json").unlink()
    with pytest.raises(ValueError, match=r"`model.vae.width` was 4 when it was cached and is 8 now"):
        begin_and_write(CacheWriter(shards, root, SIZE_PX), FakeEncoder(), {"vae": {"width": 8}})


def test_a_whole_cache_is_left_alone(write_cache):
    shards, root = write_cache()
    before = contents(root)
    writer = CacheWriter(shards, root, SIZE_PX)
    assert begin_and_write(writer, FakeEncoder(1)) == 0
    assert contents(root) == before


def test_features_of_another_model_are_not_mixed_in(write_set, tmp_path):
    writer = CacheWriter(ShardSet(write_set()), tmp_path / "cache", SIZE_PX)
    writer.begin(cache_identity(writer.shards, SIZE_PX, MODEL), FakeEncoder())
    with pytest.raises(ValueError, match=r"`model.vae.width` was 4 when it was cached and is 8 now"):
        begin_and_write(writer, FakeEncoder(), {"vae": {"width": 8}})


def test_there_is_no_index_before_all_shards_are_there(write_set, tmp_path):
    writer = CacheWriter(ShardSet(write_set()), tmp_path / "cache", SIZE_PX)
    writer.begin(cache_identity(writer.shards, SIZE_PX, MODEL), FakeEncoder())
    writer.write(0, FakeEncoder())
    with pytest.raises(ValueError, match="features of all shards, 5 are missing"):
        writer.finish()


def test_a_bad_sample_is_an_error_or_has_no_features(write_set, tmp_path):
    root = write_set()
    shards = ShardSet(root)
    flip(root, 1, "positive")
    with pytest.raises(ShardError, match="another crc32"):
        begin_and_write(CacheWriter(shards, tmp_path / "raise", SIZE_PX), FakeEncoder())
    assert begin_and_write(CacheWriter(shards, tmp_path / "skip", SIZE_PX, on_bad_sample="skip"), FakeEncoder()) == 1
    cache = FeatureCache(tmp_path / "skip")
    cache.read(0)
    with pytest.raises(ShardError) as caught:
        cache.read(1)
    assert caught.value.reason == "not_cached"


def test_what_float16_cannot_hold_is_refused(write_set, tmp_path):
    class Loud(FakeEncoder):
        def captions(self, captions):
            return {name: 1e6 * (values + 1) for name, values in super().captions(captions).items()}

    with pytest.raises(ValueError, match=r"`text.sequence` of sample 'empty_caption' to be finite"):
        begin_and_write(CacheWriter(ShardSet(write_set()), tmp_path / "cache", SIZE_PX), Loud())
